"""The catalogue: every guard of the status machine and its runtime, with the tests that must fail without it.

Two kinds of guards are left out, because removing them changes nothing that can be observed: MATERIALIZED on a CTE
that locks rows (Postgres never inlines a CTE with FOR UPDATE), and ``AND status = 'Processing'`` in statements that
end an attempt (the database's guard keeps the record in Processing while an attempt is live).
"""

from tests.mutants.database_guards import DATABASE_GUARDS
from tests.mutants.pull_guards import PULL_GUARDS
from tests.mutants.runtime_guards import RUNTIME_GUARDS
from tests.mutants.status_guards import STATUS_GUARDS

MUTANTS = (*STATUS_GUARDS, *PULL_GUARDS, *DATABASE_GUARDS, *RUNTIME_GUARDS)
