"""Rerankers: a tiny CrossEncoder from a folder, and what cannot be one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embeddings import EmbeddingError, open_reranker

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "who",
    "sold",
    "the",
    "boat",
    "farmers",
    "protested",
    "it",
    "rained",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cross_encoder(tmp_path_factory.mktemp("reranker"))


def write_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A BERT with random weights and a vocabulary of some words, as sentence-transformers' CrossEncoder reads it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    torch.manual_seed(3)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=32,
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        num_labels=labels,
    )
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    return folder


def by_hand(folder: Path, question: str, text: str) -> float:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logit = model(**tokenizer(question, text, return_tensors="pt")).logits[0, 0]
    return 1 / (1 + float(torch.exp(-logit)))


def test_scores_are_the_models_own_from_0_to_1(folder: Path) -> None:
    reranker = open_reranker(str(folder))
    texts = ["the boat", "it rained", "who sold the boat farmers protested"]
    scores = reranker.scores("who sold the boat", texts)
    assert scores == pytest.approx([by_hand(folder, "who sold the boat", text) for text in texts], abs=1e-5)
    assert len(set(scores)) == 3
    assert reranker.scores("who", []) == []
    assert reranker.name == folder.name


def test_a_text_longer_than_the_model_reads_is_cut(folder: Path) -> None:
    reranker = open_reranker(str(folder))
    assert len(reranker.scores("who sold the boat", ["the boat " * 500])) == 1


def test_what_is_no_reranker_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="no weights in safetensors form; choose another with RAG_RERANKER"):
        open_reranker(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EmbeddingError, match="choose another with RAG_RERANKER"):
        open_reranker(str(tmp_path))


def test_a_classifier_of_several_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="3 classes, not one score"):
        open_reranker(str(write_cross_encoder(tmp_path, labels=3)))
