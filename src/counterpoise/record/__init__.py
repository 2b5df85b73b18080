"""The store: what was wanted, sent, executed, said and journaled, committed in one piece.

``memory`` and ``sql`` implement the Store, Journal and Outbox ports and pass one contract suite; only
``sql`` knows a database. Nothing here decides anything.
"""
