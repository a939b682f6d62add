"""``python make_tiny_model.py DIR [plain|prompt]``: a small sentence-transformers model with random
weights. `plain`: only what transformers writes, without a word on pooling. `prompt`: one that wants
``query: `` before its texts."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoTokenizer, BertConfig, BertModel

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] how do i cancel my order where is the parcel what are your "
    "opening hours pay query : ? ."
)


def main() -> None:
    target, kind = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    letters = [letter for base in "abcdefghijklmnopqrstuvwxyz" for letter in (base, f"##{base}")]
    words = list(dict.fromkeys([*WORDS.split(), *letters]))
    target.mkdir(parents=True)
    (target / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(1 if kind == "prompt" else 0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=72,
    )
    BertModel(config).save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(target, use_fast=True, model_max_length=72)
    tokenizer.save_pretrained(target)
    if kind != "plain":
        words_model = Transformer(str(target), max_seq_length=72)
        pooling = Pooling(words_model.get_embedding_dimension(), pooling_mode="mean")
        prompts = {"query": "query: "} if kind == "prompt" else None
        whole = SentenceTransformer(modules=[words_model, pooling], prompts=prompts)
        whole.save_pretrained(str(target))


if __name__ == "__main__":
    main()
