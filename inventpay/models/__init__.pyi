"""The public names: the one place where they stand. See tools/generate_exports.py."""

from .balances import (
    Balance as Balance,
)
from .balances import (
    Balances as Balances,
)
from .balances import (
    BalanceSummary as BalanceSummary,
)
from .balances import (
    Limit as Limit,
)
from .balances import (
    MerchantInfo as MerchantInfo,
)
from .balances import (
    WithdrawalLimits as WithdrawalLimits,
)
from .base import Model as Model
from .call_meta import CallMeta as CallMeta
from .enums import (
    AmountCurrency as AmountCurrency,
)
from .enums import (
    Currency as Currency,
)
from .enums import (
    PaymentState as PaymentState,
)
from .enums import (
    WithdrawalState as WithdrawalState,
)
from .key_pools import (
    AddedKeys as AddedKeys,
)
from .key_pools import (
    KeyState as KeyState,
)
from .key_pools import (
    KeyStats as KeyStats,
)
from .key_pools import (
    ProductKey as ProductKey,
)
from .key_pools import (
    RemovedKeys as RemovedKeys,
)
from .orders import Checkout as Checkout
from .orders import Order as Order
from .orders import OrderItem as OrderItem
from .orders import OrderState as OrderState
from .payments import (
    ConversionRate as ConversionRate,
)
from .payments import (
    Invoice as Invoice,
)
from .payments import (
    Payment as Payment,
)
from .payments import (
    PaymentStatus as PaymentStatus,
)
from .products import ContentType as ContentType
from .products import DigitalContent as DigitalContent
from .products import Product as Product
from .stores import (
    Confirmation as Confirmation,
)
from .stores import (
    Store as Store,
)
from .stores import (
    StoreAnalytics as StoreAnalytics,
)
from .stores import (
    StoreSettings as StoreSettings,
)
from .webhooks import (
    WebhookConfig as WebhookConfig,
)
from .webhooks import (
    WebhookDelivery as WebhookDelivery,
)
from .webhooks import (
    WebhookStatistics as WebhookStatistics,
)
from .webhooks import (
    WebhookStats as WebhookStats,
)
from .webhooks import (
    WebhookTest as WebhookTest,
)
from .withdrawals import BalanceAfterLock as BalanceAfterLock
from .withdrawals import FeeBreakdown as FeeBreakdown
from .withdrawals import Withdrawal as Withdrawal
