"""Orders, shipments, and the store of handled webhook events, in one database."""

import os
from decimal import Decimal

from sqlalchemy import ForeignKey, Numeric, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from inventpay.webhooks import SQLAlchemySeenStore

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///shop.sqlite3"))
Sessions = sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class Warehouse(Base):
    __tablename__ = "warehouses"
    id: Mapped[int] = mapped_column(primary_key=True)


class Order(Base):
    __tablename__ = "orders"
    number: Mapped[str] = mapped_column(String(64), primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 8))
    payment_id: Mapped[str] = mapped_column(String(64))
    is_paid: Mapped[bool] = mapped_column(default=False)


class Shipment(Base):
    __tablename__ = "shipments"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"))
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("warehouses.id", deferrable=True, initially="DEFERRED"))


# Its two tables are part of Base.metadata, so that migrations create them with the others.
seen = SQLAlchemySeenStore(Sessions, metadata=Base.metadata)


@event.listens_for(engine, "connect")
def check_foreign_keys(connection, _):
    if engine.dialect.name == "sqlite":
        connection.execute("PRAGMA foreign_keys = ON")
