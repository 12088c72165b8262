# SPDX-License-Identifier: MIT
"""lines.py - generated lines of text for tokenizers: the same for everybody, for ever

Words of many scripts, emoji, combining marks, control characters, odd spaces, numbers, and
a tokenizer's own special tokens in the middle of it all.
"""
WORDS = (
    "the quick brown fox jumps over lazy dog fletching an arrow unbelievable Naïve CAFÉ "
    "Überraschung straße ŒUVRE İstanbul ﬁne ① ２０２４ 1,000,000 3.14 can't won't it's ``so'' "
    "東京 北京 日本語 한국어 カタカナ ｶﾀｶﾅ привет МИР ёлка Ελληνικά ΣΊΣΥΦΟΣ مرحبا שלום हिन्दी "
    "ไทย ქართული አማርኛ e\u0301 A\u030angstrom n\u0303 o\u0302\u0323 \u1e69 \u0344 ½ ² Ⅻ ℃ ™ ﷺ "
    "😀 👩‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️ ⚙ -- --- ... ?! (a) [b] {c} <d> a_b c-d e/f g\\h i@j #k $5 %d ^ & * + = "
    "~ | ; : \" ' , 5, x9, aaaa aaaaaaaaaaaaaaaa " + "longword" * 16
).split(" ")
BETWEEN = [" "] * 24 + ["  ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2009", "\u200b",
                        "\u200d", "", "", ".", ",", "\x00", "\x07", "\x1b", "\x7f", "\u0085",
                        "\ufeff", "\ufffd", "\u2028", "\u00ad", "\u2581"]


class Numbers:
    """A generator whose numbers depend on nothing but its seed"""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (self.state >> 33) % limit


def make_lines(count, special, seed=1):
    """`count` lines; `special` are the tokens to put among the words"""
    numbers = Numbers(seed)
    lines = []
    for _ in range(count):
        parts = []
        for _ in range(1 + numbers.below(12)):
            kind = numbers.below(40)
            if kind == 0 and special:
                parts.append(special[numbers.below(len(special))])
            elif kind == 1:
                point = numbers.below(0x30000)
                parts.append("?" if 0xd800 <= point < 0xe000 else chr(point))
            else:
                parts.append(WORDS[numbers.below(len(WORDS))])
            parts.append(BETWEEN[numbers.below(len(BETWEEN))])
        lines.append("".join(parts))
    return lines
