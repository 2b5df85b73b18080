"""The config that ``counterpoise init`` writes: small, sound, and never real money."""

from __future__ import annotations

STARTER = """\
# A Counterpoise config. `counterpoise check` tells every mistake with its line; `counterpoise schema --markdown` has
# every key. Units are written, never guessed: 60%, 5pp (points of equity), 20bps, 2m, 25000 USDT.

store: sqlite:///counterpoise.db         # the database, beside this file

venues:
  main:
    exchange: binance
    environment: demo                    # local | testnet | demo | live: never guessed
    api_key: ${BINANCE_DEMO_KEY}         # or api_key_file: a file with nothing but the key
    secret: ${BINANCE_DEMO_SECRET}
    dead_man: 2m                         # silent for so long, its futures orders are taken down

portfolios:
  treasury:
    venues: [main]
    quote: USDT                          # everything is valued in it
    # holdings: {BTC: 0.5}               # coins kept elsewhere: counted and hedged, never traded

    sleeves:                             # weights add up to 100%, and so do the shares inside a sleeve
      core:   {weight: 70%, assets: {BTC: 100%}, band: 5pp}
      buffer: {weight: 30%, assets: {USDT: 100%}}

    strategies:
      - {kind: hedge, id: half-btc, asset: BTC, ratio: 50%}   # hold a short against half of the coins
      # - {kind: drift, id: keep-shape}  # bring a sleeve that left its band back, through futures

    guards:
      limits:
        max_order_notional: 25000 USDT
        max_leverage: 2                  # futures / equity
        drawdown: {slow: 10%, reduce_only: 20%}
      margin: {keep_buffer: 500 USDT}    # stays in the spot wallet; the rest may be moved to keep hedges alive

# alerts:                                # beside the log, which is always told; docs/alerts.md has all of it
#   zone: Europe/Berlin                  # of times in messages, quiet hours and reports; UTC without it
#   quiet: {from: 22:00, to: 07:00}      # what is critical comes at once all the same
#   reports: {daily: 08:00, weekly: monday 08:00}   # these come without being asked for; off: none
#   telegram:
#     token_file: bot.token              # from @BotFather; chmod 600 bot.token
#     chats: [123456789]                 # where alerts go
#     control: {chats: [123456789], users: [123456789]}   # who may say /pause, /flatten, ...; without it nobody
#   mqtt: {host: localhost, user: counterpoise, password_file: mqtt.password}   # Home Assistant finds it by itself
#   heartbeat: {url_file: heartbeat.url} # asked for while looks are completed: its silence is an alarm
"""
