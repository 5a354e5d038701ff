"""Host leases: politeness that all workers share.

Revision: 0004, after 0003. A new table only: no lock that traffic would feel, and the code before runs on without it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "host_leases",
        sa.Column("host", sa.Text(), nullable=False, comment="without a leading www."),
        sa.Column("holder", sa.Text(), nullable=True, comment="the invocation that leases it; null: it cools down"),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_host_leases")),
        postgresql_with={"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"},
    )
    op.create_index("ix_host_leases_held_until", "host_leases", ["held_until"])


def downgrade() -> None:
    op.drop_index("ix_host_leases_held_until", table_name="host_leases")
    op.drop_table("host_leases")
