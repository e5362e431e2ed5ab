"""The public names: the one place where they stand. See tools/generate_exports.py."""

from ._async.payouts import AsyncPayouts as AsyncPayouts
from ._sync.payouts import Payouts as Payouts
from .errors import (
    JournalError as JournalError,
)
from .errors import (
    PayoutPlanError as PayoutPlanError,
)
from .errors import (
    PayoutProblem as PayoutProblem,
)
from .files import read_payouts as read_payouts
from .files import write_report as write_report
from .hooks import PayoutHook as PayoutHook
from .hooks import PayoutRowChanged as PayoutRowChanged
from .journal_copy import read_journal as read_journal
from .reports import (
    PayoutProgress as PayoutProgress,
)
from .reports import (
    PayoutReport as PayoutReport,
)
from .reports import (
    PayoutTotals as PayoutTotals,
)
from .reports import Plan as Plan
from .rows import (
    Payout as Payout,
)
from .rows import (
    PayoutRow as PayoutRow,
)
from .rows import (
    PayoutStatus as PayoutStatus,
)
