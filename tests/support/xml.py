"""Elements of an XML answer, by name: enough for the flat lists that the harnesses read."""

import re


def elements(text, name):
    """The inner text of every element of that name, in order."""
    return re.findall(rf"<{name}(?:\s[^>]*)?>(.*?)</{name}>", text, re.DOTALL)
