"""What is wrong with text that is not TOML: the line itself, and what people usually got wrong there."""

from __future__ import annotations

import re

FULL_WIDTH = dict(zip("“”‘’，＝：［］｛｝（）。　", "\"\"'',=:[]{}(). ", strict=True))
CAUSES = (
    ("Unclosed inline table", "a comma or the closing } is missing"),
    ("Unclosed array", "a comma or the closing ] is missing"),
    ("Expected newline or end of document", "one key = value a line; inside { } a comma between"),
    ("Expected '=' after a key", "write key = value"),
    ("Expected ']", "the closing bracket is missing"),
    ("Invalid value", 'text stands in quotes "…", a number or true and false without'),
    ("Illegal character", "the closing quote is missing"),
    ("Expected '\"", "the closing quote is missing"),
    ("Unterminated string", "the closing quote is missing"),
    ("Invalid initial character", "a comma too many, or a key that is not of a-z, 0-9, _ and -"),
    ("Invalid statement", "a line begins with a key, with [ or with #"),
    ("Cannot overwrite", "this key is given twice"),
    ("Duplicate inline table key", "this key is given twice"),
    ("Cannot declare", "this section is given twice: several of a kind have two brackets, like [[bus]]"),
    ("Cannot mutate", "this section was written in one line already: put its keys there"),
    ("Unescaped '\\'", "write a path with / or in single quotes '…'"),
    ("Invalid hex value", "write a path with / or in single quotes '…'"),
)


def explain(message: str, text: str) -> str:
    """Put a parser's message into one line: where, what stands there, what to do."""
    lines = text.splitlines()
    found = re.search(r" \(at line (\d+), column \d+\)$", message)
    number = int(found[1]) if found else len(lines)
    what = re.sub(r" \(at [^)]*\)$", "", message)
    line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    if not line and number > 1 and found is None:
        line = lines[-1].strip() if lines else ""
    odd = next((sign for sign in _outside_strings(line) if sign in FULL_WIDTH), None)
    if line.startswith("[") and what.startswith("Cannot overwrite"):
        what = "Cannot declare"
    cause = next((told for begin, told in CAUSES if what.startswith(begin)), what)
    if odd is not None:
        cause = f"{odd} is typed by a Chinese input method: write {FULL_WIDTH[odd]}"
    return f"line {number}: {cause}: {line:.80}"


def _outside_strings(line: str) -> str:
    """Return a line without what stands in straight quotes and comments."""
    return re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
