"""The support check: shares that add up, the same in any company, right on what is plain, typed where its weights are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from embeddings import EmbeddingError, Judgement, SupportCheck, open_support_check
from embeddings.runtime import bundled
from embeddings.support_check import ADAPTERS, MOST_TOKENS, BundledSupportCheck, encoded

TRAM = "The council of Port Velm voted 31 to 12 on 4 March to build a tram line. Farmers opposed it."
PAIRS = [
    ("The council of Port Velm voted to build a tram line.", TRAM),
    ("The council of Port Velm voted not to build a tram line.", TRAM),
    ("The museum in Osk will open in June.", TRAM),
    ("Совет Порт-Велма проголосовал за строительство трамвайной линии.", TRAM),
    ("", ""),
]


@pytest.fixture(scope="module")
def check() -> SupportCheck:
    return open_support_check()


def test_shares_add_up_and_do_not_depend_on_company(check: SupportCheck) -> None:
    together = check.judge(PAIRS)
    assert [sum(each) for each in together] == pytest.approx([1.0] * len(PAIRS), abs=1e-5)
    for pair, judged in zip(PAIRS, together, strict=True):
        assert check.judge([pair])[0] == pytest.approx(judged, abs=0.03)  # bf16
    assert check.judge([]) == []


def test_what_is_plain_is_told_apart(check: SupportCheck) -> None:
    said, denied, elsewhere, translated, _ = check.judge(PAIRS)
    assert said.supported > 0.5 > denied.supported
    assert denied.contradicted > said.contradicted
    assert elsewhere.supported < 0.3
    assert translated.supported > elsewhere.supported


def test_long_evidence_loses_its_end(check: SupportCheck) -> None:
    _, tokenizer = bundled()
    long = " ".join([TRAM] * 60)
    assert len(encoded(tokenizer, "It rained. " * 200, long)) == MOST_TOKENS
    assert isinstance(check.judge([("The council voted.", long)])[0], Judgement)


def test_weights_that_do_not_fit_are_told(tmp_path: Path) -> None:
    tensors = {name: tensor for name, tensor in load_file(ADAPTERS).items() if not name.endswith("lora_B")}
    save_file(tensors, tmp_path / "other.safetensors", {"rank": "16", "alpha": "32"})
    for path in (tmp_path / "other.safetensors", tmp_path / "missing.safetensors"):
        with pytest.raises(EmbeddingError, match=rf"{path.name} cannot be used.*pip install"):
            BundledSupportCheck(*bundled(), path)
