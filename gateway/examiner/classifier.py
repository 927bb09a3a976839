"""The classifier: an isolated child that holds nothing. It gets one content, and says what it is.

It reads what anybody may have written: XML, spreadsheets, archives. So it has no secret, no home and no
network, can open no file and start no program. Pupils' numbers go back to the service, which makes digests.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.classify import Rules, classify, load_rules
from gateway.examiner.confinement import Needs
from gateway.examiner.entry import serve
from gateway.examiner.nursery import Answer
from gateway.examiner.persons import PersonTaker
from gateway.examiner.protocol import ANSWER, REQUEST, Read, Reading
from gateway.examiner.rehearsal import rehearse
from gateway.examiner.rolls import RollTaker
from gateway.examiner.setups import CLASSIFIER_SETUP
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from gateway.zones.failpoints import passing


@dataclass(frozen=True, slots=True)
class Classifying:
    """What the classifier does for one request."""

    rules: Rules
    limits: ClassifyLimits

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Classify the one content that came with the request."""
        request = REQUEST.validate_json(message)
        if not isinstance(request, Reading):
            raise TypeError(request.kind)
        return ANSWER.dump_json(self.read(request, descriptors[0])), ()

    def read(self, request: Reading, descriptor: int) -> Read:
        """What the content is, who is in it, and its pupils with what it says of them where it is a roll."""
        taker, persons = RollTaker() if request.rolls else None, PersonTaker()
        with os.fdopen(descriptor, "rb", closefd=False) as content:
            found = classify(
                content,
                request.name,
                self.limits,
                self.rules,
                today=request.today,
                on_pupil=taker,
                on_person=persons,
            )
            if isinstance(found, ContentRefused):
                persons.scan(content)
        passing("examine.classified")
        is_roll = isinstance(found, Classified) and found.data_type in request.rolls
        return Read(
            reference=request.reference,
            content=found,
            pupils=taker.pupils() if taker is not None and is_roll else None,
            numbers=sorted(persons.numbers),
            names=sorted(persons.names),
            left_out=persons.left_out,
        )


def main() -> None:
    """Serve until the service is gone."""

    def prepared(message: bytes) -> tuple[Needs, Classifying]:
        setup = CLASSIFIER_SETUP.validate_json(message)
        rules = load_rules(setup.rules)
        rehearse(rules, setup.limits)
        return Needs(memory_bytes=setup.memory_bytes), Classifying(rules, setup.limits)

    serve("classifies contents for the gateway's services", prepared)


if __name__ == "__main__":
    main()
