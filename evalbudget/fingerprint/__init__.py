"""What makes two figures comparable: identities and conditions by name, their hash, and what differs.

flags        what a server was started with → what of it can change an answer
places       texts without paths, addresses and keys
hashing      a mapping → its hash, the same on every machine
names        each name: in words, and whether it moves figures, speed or memory
difference   two identities, or the conditions of two runs → what differs, by name
subject      two models → what their comparison is about, and what differs besides
"""

from evalbudget.fingerprint.difference import NOT_SET, Difference, condition_differences, differences
from evalbudget.fingerprint.flags import meaningful_flags
from evalbudget.fingerprint.hashing import digest, fingerprint_of, plain_json
from evalbudget.fingerprint.names import LEFT_TO_SERVER, Matters, place_of, said, words_of
from evalbudget.fingerprint.places import is_secret_name, without_places
from evalbudget.fingerprint.subject import Meant, meant_by, unintended

__all__ = [
    "LEFT_TO_SERVER",
    "NOT_SET",
    "Difference",
    "Matters",
    "Meant",
    "condition_differences",
    "differences",
    "digest",
    "fingerprint_of",
    "is_secret_name",
    "meaningful_flags",
    "meant_by",
    "place_of",
    "plain_json",
    "said",
    "unintended",
    "without_places",
    "words_of",
]
