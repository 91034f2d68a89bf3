"""Small damage to a valid request: what random testing finds parsers with."""

TOKENS = [b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u0000", b"null", b"-1", b"1e400", b"99999999999999999999", b"%", b"&", b"=", b"<", b">", b"&amp;", b"\x00", b"\xff",
          b"\xf0\x9f\x92\xa9", b"\r\n", b";", b":", b"/", b"..", b"A" * 5000]


def mutated(text, chance):
    """The text with one to four pieces cut, doubled, exchanged or replaced."""
    data = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.randint(1, 12))
        kind = chance.randrange(5)
        if kind == 0:
            del data[at:end]
        elif kind == 1:
            data[at:at] = data[at:end] * chance.choice((1, 2, 50))
        elif kind == 2:
            data[at:end] = chance.choice(TOKENS)
        elif kind == 3:
            data[at:at] = chance.choice(TOKENS)
        elif data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
    return bytes(data)
