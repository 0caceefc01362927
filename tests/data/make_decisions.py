"""Makes `decisions.jsonl.gz`: facts of every kind, and what each shipped version of the policy decides on them.

Run it when a version is new: `python tests/data/make_decisions.py`. Lines that stand are kept, and what they say of
older versions is left as it is: a change to a shipped version shows in the test and can't be written over here.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from viral_engine.domain.actions import CATALOGUE, UNLISTED
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import Consent, ConsentMethod, DataClass, RecipientClass
from viral_engine.domain.content_phrases import Signal
from viral_engine.domain.decision import decision_to_dict
from viral_engine.domain.duplicates import SignupUse
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import (
    Facts,
    Flag,
    FlagSeverity,
    ListHit,
    ListKind,
    Referral,
    Relation,
    Trust,
    Velocity,
    WindowUse,
    facts_from_dict,
    facts_to_dict,
)
from viral_engine.domain.policy import SHIPPED
from viral_engine.domain.redaction.kinds import Kind

FILE = Path(__file__).with_name("decisions.jsonl.gz")
MADE = 1_200
MADE_OF_CONSENTS = 300
OF_CONSENTS = "consents"
MADE_OF_DOMAINS = 60
OF_DOMAINS = "domains"
NOW_MS = 1_795_600_000_000
SCOPES = ("service", "ai_processing/transcript", "third_party:other_users/contact", "third_party:public/profile",
          "third_party:public/education_record")  # fmt: skip


class Draw(random.Random):
    """Draws facts; most parts are absent from most of them, as in life."""

    def seldom(self, share: float = 0.2) -> bool:
        """True for a share of the draws."""
        return self.random() < share

    def count(self, most: int = 12) -> int:
        """A number that is 0 more often than not."""
        return 0 if self.seldom(0.6) else self.randint(1, most)

    def some(self, of: Any, share: float = 0.3) -> tuple[Any, ...]:
        """Part of something."""
        return tuple(one for one in of if self.seldom(share))

    def hits(self) -> tuple[ListHit, ...]:
        """Rows of a list."""
        return tuple(ListHit(kind, f"row-{kind}") for kind in self.some(ListKind, 0.4)) if self.seldom() else ()

    def consents(self) -> tuple[Consent, ...]:
        """Consents of up to two guardians."""
        return tuple(
            Consent(
                id=f"c{number}", scope=self.choice(SCOPES), method=self.choice(list(ConsentMethod)),
                guardian=self.choice(("g1", "g2")), granted_ms=NOW_MS - self.randint(1, 10**10),
                policy_version=self.randint(0, 3),
                expires_ms=NOW_MS + self.randint(-(10**9), 10**9) if self.seldom() else None,
                withdrawn_ms=NOW_MS - self.randint(1, 10**9) if self.seldom() else None,
            )
            for number in range(self.count(3))
        )  # fmt: skip

    def rows_of_one_scope(self) -> Facts:
        """Facts of a child whose guardians consent, withdraw and consent again to the same within few instants."""
        given = [NOW_MS - self.randint(0, 12) for _ in range(self.randint(3, 5))]
        return Facts(
            action="share_personal_info",
            now_ms=NOW_MS,
            band=AgeBand.UNDER_13,
            consents=tuple(
                Consent(
                    id=f"c{number}", scope=self.choice(("third_party:other_users", SCOPES[2])),
                    method=ConsentMethod.EMAIL_PLUS if self.seldom(0.25) else ConsentMethod.SIGNED_FORM,
                    guardian=self.choice(("g1", "g2")), granted_ms=at_ms,
                    expires_ms=at_ms + self.randint(1, 6) if self.seldom(0.4) else None,
                    withdrawn_ms=at_ms + self.randint(0, 6) if self.seldom(0.4) else None,
                )
                for number, at_ms in enumerate(given)
            ),
        )  # fmt: skip

    def allowed_domain(self) -> Facts:
        """Facts of a sign-up with an e-mail of a domain that is on the allow-list."""
        return Facts(
            action="signup",
            now_ms=NOW_MS,
            allows=(ListHit(ListKind.EMAIL_DOMAIN, "row-email_domain"), *self.hits()),
            email_disposable=self.seldom(0.5),
            velocity=Velocity(domain_signups=self.randint(0, 25), phone_users=self.count(3)),
        )

    def flags(self) -> tuple[Flag, ...]:
        """Reports."""
        kinds = (ListKind.USER, ListKind.DEVICE, ListKind.IP)
        return tuple(
            Flag(f"f{number}", self.choice(kinds), self.choice(list(FlagSeverity)), f"s{self.randint(1, 3)}",
                 self.randint(0, 100))
            for number in range(self.randint(1, 4))
        )  # fmt: skip

    def facts(self) -> Facts:
        """Facts of one attempt."""
        action = self.choice([*CATALOGUE, "an_unlisted_one"])
        limits = CATALOGUE.get(action, UNLISTED).limits
        return Facts(
            action=action,
            now_ms=NOW_MS,
            band=self.choice(list(AgeBand)),
            relation=self.choice(list(Relation)) if self.seldom() else Relation.SELF,
            jurisdiction=self.choice(("us", "us", "", "fr")),
            data_class=self.choice(list(DataClass)) if self.seldom() else None,
            recipient=self.choice(list(RecipientClass)) if self.seldom() else None,
            missing=self.some(("device_id", "ip_address"), 0.2),
            blocks=self.hits(),
            allows=self.hits(),
            windows=tuple(
                WindowUse(one.window, used, self.randint(1, one.window_ms) if used else 0)
                for one in limits
                for used in (one.places if self.seldom(0.1) else self.count(min(9, one.places)),)
            ),
            signup=SignupUse(self.count(4), self.count(4)) if self.seldom() else SignupUse(),
            email_disposable=self.seldom(0.1),
            trust=Trust(*(self.seldom(0.5) for _ in Trust._fields)) if self.seldom(0.4) else Trust(),
            flags=self.flags() if self.seldom() else (),
            velocity=Velocity(*(self.count(20) for _ in Velocity._fields)) if self.seldom(0.3) else Velocity(),
            referral=Referral(self.seldom(), self.seldom(), self.seldom(), self.count(), self.count())
            if self.seldom(0.3)
            else Referral(),
            consents=self.consents(),
            account_age_days=self.randint(0, 900) if self.seldom(0.7) else None,
            has_school=self.seldom(),
            in_household=self.seldom(),
            household_members=self.count(11),
            household_new=self.count(5),
            content_kinds=tuple(kind.value for kind in self.some(Kind, 0.2)) if self.seldom() else (),
            content_signals=tuple(one.value for one in self.some(Signal, 0.5)) if self.seldom() else (),
            content_unseen=self.seldom(0.05),
            adult_to_child=self.seldom(),
        )


def main() -> None:
    """Adds what is missing."""
    draw = Draw(20_261_125)
    kept = [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()] if FILE.exists() else []
    lines = kept or [{"facts": facts_to_dict(draw.facts()), "decided": {}} for _ in range(MADE)]
    if not any(line.get("of") == OF_CONSENTS for line in lines):
        draw = Draw(20_261_126)
        lines += [
            {"of": OF_CONSENTS, "facts": facts_to_dict(draw.rows_of_one_scope()), "decided": {}}
            for _ in range(MADE_OF_CONSENTS)
        ]
    if not any(line.get("of") == OF_DOMAINS for line in lines):
        draw = Draw(20_261_127)
        lines += [
            {"of": OF_DOMAINS, "facts": facts_to_dict(draw.allowed_domain()), "decided": {}}
            for _ in range(MADE_OF_DOMAINS)
        ]
    for line in lines:
        facts = facts_from_dict(line["facts"])
        for version, policy in SHIPPED.items():
            if str(version) not in line["decided"]:
                line["decided"][str(version)] = decision_to_dict(evaluate(policy, facts))
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    # Without the time, so that the same lines are the same file.
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
