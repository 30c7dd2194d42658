"""Tiny chat models on disk that say what a test wants: their weights let each token be followed by exactly one other.

Token i is embedded as the i-th unit vector, attention and feed-forward layers add nothing, and the output layer maps that
vector to the token that follows. So the libraries do all they do for a real model, and what comes is known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

TURN, END = "<|turn|>", "<|end|>"

TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message['role'] }}: {{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>{% endif %}"
)
STRICT_TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('there is no system role') }}{% endif %}" + TEMPLATE
)
FORGETFUL_TEMPLATE = (
    "{% for message in messages if message['role'] != 'system' %}{{ message['content'] }}{% endfor %}<|turn|>"
)

SAYS = "The harbour of Velm reopened on Friday. Selé 🌊"
WORDS = ["The", " harbour", " of", " Velm", " reopened", " on", " Friday", ".", " Sel"]


def train_tokenizer(template: str | None) -> Any:
    """A byte-level tokenizer to which each of ``WORDS`` is one token, and é and the wave their bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        special_tokens=[TURN, END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["".join(WORDS)] * 10, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        chat_template=template,
        clean_up_tokenization_spaces=False,
    )


def output_layer(script: Sequence[int], size: int) -> numpy.ndarray[Any, numpy.dtype[numpy.float32]]:
    """The matrix that lets each token of the script be followed by the next."""
    assert len(set(script[:-1])) == len(script) - 1, "a token that stands twice would be followed by two"
    weights = numpy.zeros((size, size), dtype=numpy.float32)
    weights[script[1:], script[:-1]] = 1.0
    return weights


def write_transformers_model(
    folder: Path, *, says: str = SAYS, ends: bool = True, template: str | None = TEMPLATE, context: int = 4096
) -> Path:
    """A Llama that writes ``says`` and then ends, or begins again for ever."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = train_tokenizer(template)
    size = len(tokenizer)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=size + size % 2,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=context,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    tokens = tokenizer(says, add_special_tokens=False)["input_ids"]
    script = [tokenizer.convert_tokens_to_ids(TURN), *tokens, tokenizer.eos_token_id if ends else tokens[0]]
    width = config.hidden_size
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(size, width))
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        model.lm_head.weight.copy_(torch.from_numpy(output_layer(script, width))[:size])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_gguf_model(
    file: Path, *, says: str = SAYS, ends: bool = True, template: str | None = TEMPLATE, context: int = 4096
) -> Path:
    """The same model in llama.cpp's format."""
    import json

    import gguf

    tokenizer = train_tokenizer(template)
    size = len(tokenizer)
    width = size + size % 2
    tokens = tokenizer(says, add_special_tokens=False)["input_ids"]
    turn, end = tokenizer.convert_tokens_to_ids(TURN), tokenizer.eos_token_id
    script = [turn, *tokens, end if ends else tokens[0]]

    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(width)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokenizer.convert_ids_to_tokens(range(size)))
    writer.add_token_types(
        [gguf.TokenType.CONTROL if token in (turn, end) else gguf.TokenType.NORMAL for token in range(size)]
    )
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_eos_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)

    random = numpy.random.default_rng(3)

    def noise(*shape: int) -> numpy.ndarray[Any, numpy.dtype[numpy.float32]]:
        return random.normal(0, 0.02, shape).astype(numpy.float32)

    nothing, square = numpy.zeros((width, width), numpy.float32), (width, width)
    for name, weights in {
        "token_embd": numpy.eye(size, width, dtype=numpy.float32),
        "output_norm": numpy.ones(width, numpy.float32),
        "output": output_layer(script, width)[:size],
        "blk.0.attn_norm": numpy.ones(width, numpy.float32),
        "blk.0.attn_q": noise(*square),
        "blk.0.attn_k": noise(*square),
        "blk.0.attn_v": noise(*square),
        "blk.0.attn_output": nothing,
        "blk.0.ffn_norm": numpy.ones(width, numpy.float32),
        "blk.0.ffn_gate": noise(8, width),
        "blk.0.ffn_up": noise(8, width),
        "blk.0.ffn_down": numpy.zeros((width, 8), numpy.float32),
    }.items():
        writer.add_tensor(f"{name}.weight", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
