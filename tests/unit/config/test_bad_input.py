"""The table of bad inputs: where each is told, and in which words."""

from __future__ import annotations

import pytest

from counterpoise.domain.errors import ConfigError
from tests.unit.config.good import Change, Load

HEDGE = "{kind: hedge, id: half, asset: BTC, ratio: 50%}"
BAND = (
    "expected a band above 0, such as 5pp (percentage points of equity)"
    " or 25% (of the sleeve's weight)"
)
SHARE = "expected a percentage from 0% to 100%, such as 60%"
DURATION = "expected a duration of at least 1s, such as 30s, 2m, 8h or 1d"
MONEY = "expected an amount of money with its asset, such as 25000 USDT"
KINDS = "derisk, dip_buy, drift, hedge, profit_ladder or scale_in"
STORE = (
    "expected a database address: sqlite:///counterpoise.db (relative to this file)"
    " or sqlite:////absolute/path"
)
S, L = "portfolios.treasury.sleeves", "portfolios.treasury.guards.limits"

ROWS: dict[str, tuple[Change, str]] = {
    # keys
    "a misspelt key names the nearest": (
        ("    strategies:", "    strategis:"),
        (
            "c.yaml:17:5 portfolios.treasury.strategis: expected a known key"
            " (did you mean 'strategies'?), was 'strategis'"
        ),
    ),
    "a key like none lists what there is": (
        ("cash: {", "cash: {qqq: 1, "),
        f"c.yaml:16:14 {S}.cash.qqq: expected one of weight, assets, band, inner, was 'qqq'",
    ),
    "a misspelt key of a strategy knows its kind": (
        (HEDGE, "{kind: hedge, id: half, asset: BTC, ratoi: 50%, ratio: 50%}"),
        (
            "c.yaml:19:45 portfolios.treasury.strategies[1].ratoi: expected a known key"
            " (did you mean 'ratio'?), was 'ratoi'"
        ),
    ),
    "a duplicate key": (
        ("    quote: USDT\n", "    quote: USDT\n    quote: USDC\n"),
        (
            "c.yaml:12:5 portfolios.treasury.quote: expected each key once (first on line 11),"
            " was 'quote' again"
        ),
    ),
    "a missing key is told where its mapping is": (
        ("    quote: USDT\n", ""),
        (
            "c.yaml:9:3 portfolios.treasury.quote: expected the asset everything is valued in,"
            " such as USDT, was missing"
        ),
    ),
    "an empty key": (
        ("{rungs: 4, spacing", "{rungs: , spacing"),
        (
            "c.yaml:20:23 portfolios.treasury.execution.rungs: expected a value (orders of a"
            " resting ladder, parts of a timed one; default 5), was empty; give it a value or remove the key"
        ),
    ),
    "a merge": (
        ("cash: {", "cash: {<<: {band: 1pp}, "),
        f"c.yaml:16:14 {S}.cash.<<: expected keys written out, was a merge (<<)",
    ),
    # weights and bands
    "weights of 110 %": (
        ("weight: 60%", "weight: 70%"),
        (
            f"c.yaml:14:7 {S}: expected sleeve weights that add up to 100%,"
            " was 110% (core 70% + sat 20% + cash 20%); take 10% away"
        ),
    ),
    "weights of 90 %": (
        ("weight: 60%", "weight: 50%"),
        (
            f"c.yaml:14:7 {S}: expected sleeve weights that add up to 100%,"
            " was 90% (core 50% + sat 20% + cash 20%); add 10%"
        ),
    ),
    "shares of 99.9 %": (
        ("ETH: 30%", "ETH: 29.9%"),
        (
            f"c.yaml:14:35 {S}.core.assets: expected shares that add up to 100%,"
            " was 99.9% (BTC 70% + ETH 29.9%); add 0.1%"
        ),
    ),
    "an asset in two sleeves": (
        ("{SOL: 100%}", "{SOL: 50%, BTC: 50%}"),
        (
            f"c.yaml:15:45 {S}.sat.assets.BTC: expected each asset in one sleeve"
            " (BTC is in 'core' already), was BTC again"
        ),
    ),
    "a sleeve without assets": (
        ("{USDT: 100%}", "{}"),
        (
            f"c.yaml:16:35 {S}.cash.assets: expected at least one asset, such as {{BTC: 100%}},"
            " was an empty mapping"
        ),
    ),
    "a weight without its unit": (
        ("weight: 60%", "weight: 60"),
        f"c.yaml:14:22 {S}.core.weight: {SHARE}, was 60; the unit % is missing",
    ),
    "a negative band": (
        ("band: 5pp", "band: -5pp"),
        f"c.yaml:14:63 {S}.core.band: {BAND}, was '-5pp'",
    ),
    "a band of zero": (
        ("band: 5pp", "band: 0pp"),
        f"c.yaml:14:63 {S}.core.band: {BAND}, was '0pp'",
    ),
    "a band without its unit": (
        ("band: 5pp", "band: 5"),
        f"c.yaml:14:63 {S}.core.band: {BAND}, was 5; the unit pp or % is missing",
    ),
    "drift without a band": (
        (", band: 5pp", ""),
        (
            f"c.yaml:14:7 {S}.core.band: expected a band such as 5pp:"
            " drift must know how far the sleeve may stray, was missing"
        ),
    ),
    "an inner band as wide as the band": (
        ("band: 5pp", "band: 5pp, inner: 5pp"),
        f"c.yaml:14:75 {S}.core.inner: expected an inner band narrower than the band, was '5pp'",
    ),
    # venues
    "an exchange nobody knows": (
        ("exchange: binance", "exchange: binanse"),
        (
            "c.yaml:4:15 venues.main.exchange: expected an exchange id (binance), was 'binanse';"
            " did you mean 'binance'?"
        ),
    ),
    "an exchange of a later version": (
        ("exchange: binance", "exchange: kraken"),
        (
            "c.yaml:4:15 venues.main.exchange: expected an exchange of this version (binance),"
            " was 'kraken'; kraken is known to ccxt, not supported yet"
        ),
    ),
    "paper": (
        ("environment: demo", "environment: paper"),
        (
            "c.yaml:5:18 venues.main.environment: expected local, testnet, demo or live,"
            " was 'paper'; paper comes with a later version: use local or demo"
        ),
    ),
    "local without its address": (
        ("environment: demo", "environment: local"),
        (
            "c.yaml:3:3 venues.main.url: expected the address of the testnet server,"
            " such as http://127.0.0.1:9000, was missing"
        ),
    ),
    "an address that is none": (
        ("environment: demo", "environment: local\n    url: 127.0.0.1:9000"),
        (
            "c.yaml:6:10 venues.main.url: expected an address such as http://127.0.0.1:9000,"
            " was '127.0.0.1:9000'"
        ),
    ),
    "an address where none belongs": (
        ("environment: demo", "environment: demo\n    url: http://127.0.0.1:9000"),
        (
            "c.yaml:6:5 venues.main.url: expected no url with environment: demo"
            " (it is for local only), was 'url'"
        ),
    ),
    "consent where none belongs": (
        ("environment: demo", "environment: demo\n    i_understand: live"),
        (
            "c.yaml:6:5 venues.main.i_understand: expected no i_understand with environment: demo"
            " (it is for live only), was 'i_understand'"
        ),
    ),
    "looking too often": (
        ("environment: demo", "environment: demo\n    poll: 500ms"),
        f"c.yaml:6:11 venues.main.poll: {DURATION}, was '500ms'",
    ),
    "adopting for a strategy that is not there": (
        ("environment: demo", "environment: demo\n    existing: adopt:halv"),
        (
            "c.yaml:6:15 venues.main.existing: expected adopt:<id of a hedge or drift of"
            " portfolio 'treasury'> (keep-shape, half), was 'adopt:halv'"
        ),
    ),
    "existing in other words": (
        ("environment: demo", "environment: demo\n    existing: adopt"),
        (
            "c.yaml:6:15 venues.main.existing: expected keep, refuse or adopt:<strategy id>,"
            " was 'adopt'"
        ),
    ),
    # credentials
    "a secret file that is not there": (
        ("secret_file: secret", "secret_file: sekret"),
        (
            "c.yaml:7:18 venues.main.secret_file: expected a readable file, was missing: sekret;"
            " create it or correct the path"
        ),
    ),
    "a secret file that is a folder": (
        ("secret_file: secret", "secret_file: ."),
        (
            "c.yaml:7:18 venues.main.secret_file: expected a readable file, was a folder: .;"
            " name the file in it"
        ),
    ),
    "no secret at all": (
        ("    secret_file: secret\n", ""),
        (
            "c.yaml:3:3 venues.main.secret: expected secret (best as ${NAME}) or secret_file,"
            " was missing"
        ),
    ),
    "a key twice": (
        ("    api_key: ${KEY}", "    api_key: ${KEY}\n    api_key_file: secret"),
        (
            "c.yaml:7:19 venues.main.api_key_file: expected api_key or api_key_file, was both;"
            " remove one"
        ),
    ),
    "a variable that is not set": (
        ("${KEY}", "${NO_SUCH_KEY}"),
        (
            "c.yaml:6:14 venues.main.api_key: expected the environment variable NO_SUCH_KEY,"
            " was not set; set it before starting: export NO_SUCH_KEY=..."
        ),
    ),
    "a variable that is empty": (
        ("${KEY}", "${EMPTY}"),
        (
            "c.yaml:6:14 venues.main.api_key: expected the environment variable EMPTY with a value,"
            " was empty; set it before starting: export EMPTY=..."
        ),
    ),
    "a cost without its unit": (
        ("    guards:", "    guards:\n      funding: {max_cost: 5}"),
        (
            "c.yaml:22:27 portfolios.treasury.guards.funding.max_cost: expected a cost above 0, as a part"
            " of what is traded or held, such as 50bps or 0.5%, was 5; the unit bps or % is missing"
        ),
    ),
    "a reference that is none": (
        ("${KEY}", "${KEY"),
        (
            "c.yaml:6:14 venues.main.api_key: expected a reference such as ${BINANCE_KEY},"
            " was '${KEY'; write $${ for a literal ${"
        ),
    ),
    # the database
    "no database": (
        ("store: sqlite:///here.db\n", ""),
        f"c.yaml:1:1 store: {STORE}, was missing",
    ),
    "a database of another kind": (
        ("sqlite:///here.db", "mysql://here"),
        f"c.yaml:1:8 store: {STORE}, was 'mysql://here'",
    ),
    "PostgreSQL, without telling its password": (
        ("sqlite:///here.db", "postgresql://me:hunter22@host/db"),
        (
            f"c.yaml:1:8 store: {STORE}, was a PostgreSQL address;"
            " PostgreSQL comes with a later version"
        ),
    ),
    "a database that forgets": (
        ("sqlite:///here.db", "'sqlite:///:memory:'"),
        f"c.yaml:1:8 store: {STORE}, was no file; what the daemon knows must survive a restart",
    ),
    # portfolios
    "a venue that is not there": (
        ("venues: [main]", "venues: [mian]"),
        (
            "c.yaml:10:14 portfolios.treasury.venues[0]: expected a venue of this file (main),"
            " was 'mian'; did you mean 'main'?"
        ),
    ),
    "a venue twice": (
        ("venues: [main]", "venues: [main, main]"),
        (
            "c.yaml:10:20 portfolios.treasury.venues[1]: expected each venue in one portfolio"
            " (this one is in this list already), was 'main'"
        ),
    ),
    "no venue": (
        ("venues: [main]", "venues: []"),
        (
            "c.yaml:10:13 portfolios.treasury.venues: expected ids of venues: [main],"
            " was an empty list"
        ),
    ),
    "an asset in small letters": (
        ("quote: USDT", "quote: usdt"),
        (
            "c.yaml:11:12 portfolios.treasury.quote: expected an asset in capitals, such as BTC,"
            " was 'usdt'; write USDT"
        ),
    ),
    "coins of an asset nobody asked for": (
        ("holdings: {BTC: 0.5}", "holdings: {DOGE: 0.5}"),
        (
            "c.yaml:12:16 portfolios.treasury.holdings.DOGE: expected an asset of a sleeve or the"
            " quote (BTC, ETH, SOL, USDT), was 'DOGE'"
        ),
    ),
    "coins one owes": (
        ("holdings: {BTC: 0.5}", "holdings: {BTC: -0.5}"),
        (
            "c.yaml:12:21 portfolios.treasury.holdings.BTC: expected a quantity above 0,"
            " such as 0.5, was -0.5"
        ),
    ),
    "money in another asset than the quote": (
        ("25000 USDT", "25000 USDC"),
        (
            f"c.yaml:22:36 {L}.max_order_notional: expected an amount in the portfolio's quote,"
            " USDT, was '25000 USDC'"
        ),
    ),
    "money without its asset": (
        ("25000 USDT", "25000"),
        f"c.yaml:22:36 {L}.max_order_notional: {MONEY}, was 25000; the asset is missing",
    ),
    "a time without its unit": (
        ("patience: 2m", "patience: 2"),
        (
            f"c.yaml:20:52 portfolios.treasury.execution.patience: {DURATION}, was 2;"
            " the unit s, m, h or d is missing"
        ),
    ),
    "a choice misspelt": (
        ("{rungs: 4,", "{on_stop: cancle, rungs: 4,"),
        (
            "c.yaml:20:26 portfolios.treasury.execution.on_stop: expected cancel or keep,"
            " was 'cancle'; did you mean 'cancel'?"
        ),
    ),
    "yes is no boolean": (
        ("    quote: USDT", "    quote: USDT\n    allow_net_short: yes"),
        "c.yaml:12:22 portfolios.treasury.allow_net_short: expected true or false, was 'yes'",
    ),
    "retiring a strategy that stays": (
        ("    quote: USDT", "    quote: USDT\n    retire: {half: close}"),
        (
            "c.yaml:12:14 portfolios.treasury.retire.half: expected the id of a strategy that is"
            " no longer in strategies, was 'half', which still is"
        ),
    ),
    # strategies
    "a strategy misspelt": (
        ("kind: hedge", "kind: hegde"),
        (
            f"c.yaml:19:16 portfolios.treasury.strategies[1].kind: expected {KINDS},"
            " was 'hegde'; did you mean 'hedge'?"
        ),
    ),
    "a strategy without a kind": (
        (HEDGE, "{id: out}"),
        (f"c.yaml:19:9 portfolios.treasury.strategies[1].kind: expected {KINDS}, was missing"),
    ),
    "an id twice": (
        ("id: half", "id: keep-shape"),
        (
            "c.yaml:19:27 portfolios.treasury.strategies[1].id: expected an id of its own"
            " (strategies[0] has this one), was 'keep-shape'"
        ),
    ),
    "a hedge of an asset of no sleeve": (
        ("asset: BTC", "asset: BCT"),
        (
            "c.yaml:19:40 portfolios.treasury.strategies[1].asset: expected an asset of a sleeve"
            " and not the quote (BTC, ETH, SOL), was 'BCT'; did you mean BTC?"
        ),
    ),
    "a hedge of the quote": (
        ("asset: BTC", "asset: USDT"),
        (
            "c.yaml:19:40 portfolios.treasury.strategies[1].asset: expected an asset of a sleeve"
            " and not the quote (BTC, ETH, SOL), was 'USDT'"
        ),
    ),
    "a hedge of more than all": (
        ("ratio: 50%", "ratio: 150%"),
        (
            "c.yaml:19:52 portfolios.treasury.strategies[1].ratio: expected a percentage above 0%"
            " and up to 100%, such as 60%, was '150%';"
            " a short of more than is held needs allow_net_short: true"
        ),
    ),
    "a hedge of nothing": (
        ("ratio: 50%", "ratio: 0%"),
        (
            "c.yaml:19:52 portfolios.treasury.strategies[1].ratio: expected a percentage above 0%,"
            " such as 50%, was '0%'"
        ),
    ),
    "a hedge of a negative quantity": (
        ("ratio: 50%", "qty: -1"),
        (
            "c.yaml:19:50 portfolios.treasury.strategies[1].qty: expected a quantity above 0,"
            " such as 0.5, was -1"
        ),
    ),
    "a hedge of no size": (
        (", ratio: 50%", ""),
        (
            "c.yaml:19:9 portfolios.treasury.strategies[1].ratio: expected ratio (such as 50%)"
            " or qty (in units of the asset), was missing"
        ),
    ),
    "a hedge of two sizes": (
        ("ratio: 50%", "ratio: 50%, qty: 1"),
        (
            "c.yaml:19:62 portfolios.treasury.strategies[1].qty: expected ratio or qty, was both;"
            " remove one"
        ),
    ),
    "an unheard-of ladder": (
        ("{rungs: 4", "{ladder: time, rungs: 4"),
        (
            "c.yaml:20:25 portfolios.treasury.execution.ladder: expected resting, timed or chase, was"
            " 'time'; did you mean 'timed'?"
        ),
    ),
    "more rungs than there are numbers for": (
        ("{rungs: 4", "{rungs: 101"),
        (
            "c.yaml:20:24 portfolios.treasury.execution.rungs: expected a whole number of at least 1"
            " and at most 100, was 101"
        ),
    ),
    "drawdown tiers that do not ascend": (
        ("{max_order_notional: 25000 USDT}", "{drawdown: {slow: 20%, cancel_only: 15%}}"),
        (
            f"c.yaml:22:51 {L}.drawdown.cancel_only: expected tiers that ascend: cancel_only 15%"
            " above slow 20%, was '15%'"
        ),
    ),
    "a drawdown without a tier": (
        ("{max_order_notional: 25000 USDT}", "{drawdown: {}}"),
        (
            f"c.yaml:22:26 {L}.drawdown: expected at least one tier, such as {{slow: 10%}}, was an"
            " empty mapping"
        ),
    ),
    "a drawdown window alone": (
        ("{max_order_notional: 25000 USDT}", "{drawdown_window: 30d}"),
        (
            f"c.yaml:22:33 {L}.drawdown_window: expected drawdown beside it, such as {{slow: 10%}}:"
            " alone it does nothing, was '30d'"
        ),
    ),
    "a largest position of no sleeve": (
        ("{max_order_notional: 25000 USDT}", "{max_position: {DOGE: 2}}"),
        (
            f"c.yaml:22:31 {L}.max_position.DOGE: expected an asset of a sleeve and not the quote"
            " (BTC, ETH, SOL), was 'DOGE'"
        ),
    ),
    "margin levels that do not descend": (
        ("    guards:", "    guards:\n      margin: {stop_adding: 20%, reduce: 22%}"),
        (
            "c.yaml:22:42 portfolios.treasury.guards.margin.reduce: expected levels that descend:"
            " stop_adding 20% above reduce 22%, was '22%'"
        ),
    ),
    "a margin level below the next default": (
        ("    guards:", "    guards:\n      margin: {warn: 24%}"),
        (
            "c.yaml:22:22 portfolios.treasury.guards.margin.warn: expected levels that descend:"
            " warn 24% above top_up 25% (default), was '24%'"
        ),
    ),
    "an opening that would be cut at once": (
        ("    guards:", "    guards:\n      margin: {survive: 3%}"),
        (
            "c.yaml:22:25 portfolios.treasury.guards.margin.survive: expected openings that are not cut"
            " at once: survive 3% above stop_adding 20% (default), was '3%'"
        ),
    ),
    "an opening at the very level where nothing is added": (
        ("    guards:", "    guards:\n      margin: {warn: 40%, top_up: 35%, stop_adding: 30%}"),
        (
            "c.yaml:22:53 portfolios.treasury.guards.margin.stop_adding: expected openings that are not"
            " cut at once: survive 30% (default) above stop_adding 30%, was '30%'"
        ),
    ),
    "a buffer in another asset": (
        ("    guards:", "    guards:\n      margin: {keep_buffer: 1 BTC}"),
        (
            "c.yaml:22:29 portfolios.treasury.guards.margin.keep_buffer: expected an amount in the"
            " portfolio's quote, USDT, was '1 BTC'"
        ),
    ),
    "a budget of no strategy": (
        ("    guards:", "    guards:\n      funding: {strategies: {hlaf: {then: close}}}"),
        (
            "c.yaml:22:30 portfolios.treasury.guards.funding.strategies.hlaf: expected the id of a"
            " strategy, was 'hlaf'; did you mean half?"
        ),
    ),
    "a budget a year in words": (
        ("    guards:", "    guards:\n      funding: {max_carry: 15% a year}"),
        (
            "c.yaml:22:28 portfolios.treasury.guards.funding.max_carry: expected a percentage above"
            " 0%, such as 50%, was '15% a year'"
        ),
    ),
    "a window of few bars": (
        ("    guards:", "    guards:\n      basis: {window: 14d, interval: 1d}"),
        (
            "c.yaml:22:23 portfolios.treasury.guards.basis.window: expected a window of 24 to 2000"
            " closed bars, was 14"
        ),
    ),
    "coins to sell that no sleeve holds": (
        ("    guards:", "    guards:\n      margin: {guard_may_sell: [BTC, DOGE]}"),
        (
            "c.yaml:22:38 portfolios.treasury.guards.margin.guard_may_sell[1]: expected an asset of"
            " a sleeve and not the quote (BTC, ETH, SOL), was 'DOGE'"
        ),
    ),
    "no service": (
        ("store: ", "alerts: {notify: []}\nstore: "),
        (
            "c.yaml:1:18 alerts.notify: expected addresses for Apprise (mail, ntfy, Slack, ...):"
            " [${MAIL_URL}, {url: ..., routing: ...}], was an empty list"
        ),
    ),
    "a sink nobody knows": (
        ("store: ", "alerts: {logs: {}}\nstore: "),
        ("c.yaml:1:10 alerts.logs: expected a known key (did you mean 'log'?), was 'logs'"),
    ),
    "a category nobody knows": (
        ("store: ", "alerts: {log: {routing: {hegde: off}}}\nstore: "),
        (
            "c.yaml:1:26 alerts.log.routing.hegde: expected a known key (did you mean 'hedge'?),"
            " was 'hegde'"
        ),
    ),
    "a route nobody knows": (
        ("store: ", "alerts: {log: {routing: {info: silet}}}\nstore: "),
        (
            "c.yaml:1:32 alerts.log.routing.info: expected on, silent or off, was 'silet';"
            " did you mean 'silent'?"
        ),
    ),
    "a truth for a route": (
        ("store: ", "alerts: {log: {routing: {info: false}}}\nstore: "),
        ("c.yaml:1:32 alerts.log.routing.info: expected on, silent or off, was false"),
    ),
    "an hour there is not": (
        ("store: ", "alerts: {quiet: {from: 24:00, to: 07:00}}\nstore: "),
        (
            "c.yaml:1:24 alerts.quiet.from: expected a time of day from 00:00 to 23:59, such as"
            " 22:00, was '24:00'"
        ),
    ),
    "quiet hours without an end": (
        ("store: ", "alerts: {quiet: {from: 22:00}}\nstore: "),
        ("c.yaml:1:10 alerts.quiet.to: expected when it is over: 07:00, was missing"),
    ),
    "quiet hours of no time": (
        ("store: ", "alerts: {log: {quiet: {from: 07:00, to: 7:00}}}\nstore: "),
        ("c.yaml:1:41 alerts.log.quiet.to: expected another time than from, was '7:00'"),
    ),
    "quiet hours in a word": (
        ("store: ", "alerts: {log: {quiet: nights}}\nstore: "),
        (
            "c.yaml:1:23 alerts.log.quiet: expected never, or hours such as"
            " {from: 22:00, to: 07:00}, was 'nights'"
        ),
    ),
    "a zone there is not": (
        ("store: ", "alerts: {zone: Europe/Berln}\nstore: "),
        (
            "c.yaml:1:16 alerts.zone: expected a time zone such as Europe/Berlin,"
            " was 'Europe/Berln'; did you mean 'Europe/Berlin'?"
        ),
    ),
    "a rate of nothing": (
        ("store: ", "alerts: {rate: 0}\nstore: "),
        ("c.yaml:1:16 alerts.rate: expected a whole number of at least 1, was 0"),
    ),
    "the web page": (
        ("store: ", "web: {listen: 127.0.0.1:8787}\nstore: "),
        (
            "c.yaml:1:6 web: expected nothing here in this version, was a mapping;"
            " the web page comes with a later version, remove this"
        ),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_bad_input_is_told_where_it_is_and_what_was_expected(name: str, loaded: Load) -> None:
    change, line = ROWS[name]
    with pytest.raises(ConfigError) as told:
        loaded(change)
    assert told.value.problems == [line]


def test_every_problem_is_told_at_once_in_the_order_of_the_file(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(
            ("exchange: binance", "exchange: binanse"),
            ("secret_file: secret", "secret_file: sekret"),
            ("    quote: USDT\n", "    quote: USDT\n    quote: USDC\n"),
            ("weight: 60%", "weight: 70%"),
            ("band: 5pp", "band: -5pp"),
            ("{SOL: 100%}, band: 25%", "{SOL: 50%, BTC: 50%}, band: 5"),
            ("    strategies:", "    strategies: []\n    strategis:"),
            ("25000 USDT", "25000"),
        )
    assert [line.partition(": expected")[0] for line in told.value.problems] == [
        "c.yaml:4:15 venues.main.exchange",
        "c.yaml:7:18 venues.main.secret_file",
        "c.yaml:12:5 portfolios.treasury.quote",
        "c.yaml:15:7 portfolios.treasury.sleeves",
        "c.yaml:15:63 portfolios.treasury.sleeves.core.band",
        "c.yaml:16:45 portfolios.treasury.sleeves.sat.assets.BTC",
        "c.yaml:16:62 portfolios.treasury.sleeves.sat.band",
        "c.yaml:19:5 portfolios.treasury.strategis",
        "c.yaml:24:36 portfolios.treasury.guards.limits.max_order_notional",
    ]


def test_a_value_that_came_from_the_environment_is_never_shown(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(("exchange: binance", "exchange: ${KEY}"))
    assert told.value.problems == [
        "c.yaml:4:15 venues.main.exchange: expected an exchange id (binance), was '${KEY}'"
    ]
