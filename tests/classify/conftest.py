"""What the classify tests share: the shipped rules, and classify() for bytes."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from gateway.classify import OnPupils, Rules, load_rules
from gateway.classify import classify as classify_content
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused

POLICIES = Path(__file__).parents[2] / "policies"
TODAY = date(2026, 11, 24)

Classify = Callable[..., Classified | ContentRefused]


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules(POLICIES)


@pytest.fixture(scope="session")
def classify(rules: Rules) -> Classify:
    def run(
        content: bytes, name: str = "file.dat", on_pupils: OnPupils | None = None
    ) -> Classified | ContentRefused:
        return classify_content(
            BytesIO(content), name, ClassifyLimits(), rules, today=TODAY, on_pupils=on_pupils
        )

    return run
