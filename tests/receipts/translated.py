"""Does a text have a translation?"""

from gateway.reasons.languages import Language, _texts


def has_translation(text: str, language: Language) -> bool:
    """A text, or the template of a text with filled blanks."""
    known, patterns = _texts(language)
    return text in known or any(pattern.fullmatch(text) for pattern, _ in patterns)
