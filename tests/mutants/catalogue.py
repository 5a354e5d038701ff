"""The catalogue: every guard of the status machine and its runtime, and the tests that must miss it.

Not in it, because they change nothing that could be seen: MATERIALIZED on a CTE that locks rows (Postgres never inlines
one that holds FOR UPDATE, so the word only says so), ``AND status = 'Processing'`` in the statements that end an attempt (the
guard lets no record be otherwise while an attempt is live).
"""

from tests.mutants.guards_in_the_database import IN_THE_DATABASE
from tests.mutants.guards_in_the_runtime import IN_THE_RUNTIME
from tests.mutants.guards_in_the_verbs import IN_THE_VERBS

MUTANTS = (*IN_THE_VERBS, *IN_THE_DATABASE, *IN_THE_RUNTIME)
