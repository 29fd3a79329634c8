"""Sets a history server up: what has to be there before readings can be written, said line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, assert_never

from config.history import HistorySection
from server.errors import ServerError
from server.history.endpoint import Endpoint, parts
from server.history.influxql import answers, name

_DAY_S = 86_400
_FLAGS = {
    "dedup.minScrapeInterval": ("1ms", "or readings that come again are counted twice"),
    "search.latencyOffset": ("0s", "or the newest half minute is not drawn"),
}


def set_up(section: HistorySection) -> Sequence[str]:
    """Make what is missing, change what is otherwise; return what was done. Doing it again changes nothing."""
    endpoint = Endpoint(section)
    try:
        match section.type:
            case "embedded" | "none":
                raise ServerError(f'history init: [history] type is "{section.type}", which needs no setting up')
            case "influxdb":
                return _influx(endpoint)
            case "influxdb-1":
                return _influx_1(endpoint)
            case "victoria-metrics":
                return _victoria(endpoint)
            case _:
                assert_never(section.type)
    finally:
        endpoint.close()


def _influx(endpoint: Endpoint) -> Sequence[str]:
    """InfluxDB 2: a bucket a part, and the mapping by which InfluxQL finds it. 1.8 has only the write path of 2."""
    version = _version(endpoint)
    if version.startswith("1."):
        return [f"InfluxDB {version}: is set up as version 1", *_influx_1(endpoint)]
    from influxdb_client.domain.bucket_retention_rules import (  # noqa: PLC0415 - 0.5 s that only its users pay
        BucketRetentionRules,
    )
    from influxdb_client.rest import ApiException  # noqa: PLC0415

    place, done = endpoint.place, list[str]()
    buckets: Any = endpoint.client.buckets_api()
    try:
        org = _org(endpoint)
        for part, days in parts(endpoint.section):
            full = f"{place.database}/{part}"
            rule = BucketRetentionRules(type="expire", every_seconds=days * _DAY_S)
            found = buckets.find_bucket_by_name(full)
            if found is None:
                found = buckets.create_bucket(bucket_name=full, retention_rules=rule, org=org)
                done.append(f"bucket {full}: made, kept {days} days")
            else:
                found.retention_rules = [rule]
                buckets.update_bucket(bucket=found)
                done.append(f"bucket {full}: is there, kept {days} days")
            done.append(_map(endpoint, org, part, str(found.id)))
    except ApiException as e:
        said: Any = e
        raise ServerError(
            f"history {place.url}: {said.status}: {_message(said.body)}: the token must be allowed it"
        ) from e
    return done


def _org(endpoint: Endpoint) -> str:
    found: Any = endpoint.client.organizations_api().find_organizations(org=endpoint.place.org)
    if not found:
        raise ServerError(
            f"history {endpoint.place.url}: there is no organisation {endpoint.place.org!r}: [history.influx] org"
        )
    return str(found[0].id)


def _map(endpoint: Endpoint, org: str, part: str, bucket: str) -> str:
    from influxdb_client.domain.dbrp_create import DBRPCreate  # noqa: PLC0415
    from influxdb_client.service.dbr_ps_service import DBRPsService  # noqa: PLC0415

    place = endpoint.place
    service: Any = DBRPsService(endpoint.client.api_client)
    known = service.get_dbr_ps(org_id=org, db=place.database, rp=part).content
    if any(one.bucket_id == bucket and not getattr(one, "virtual", False) for one in known):
        return f"InfluxQL {place.database}.{part}: is mapped"
    service.post_dbrp(
        dbrp_create=DBRPCreate(
            org_id=org, bucket_id=bucket, database=place.database, retention_policy=part, default=part == "samples"
        )
    )
    return f"InfluxQL {place.database}.{part}: mapped"


def _influx_1(endpoint: Endpoint) -> Sequence[str]:
    """InfluxDB 1: a database with a retention policy a part."""
    place, done = endpoint.place, list[str]()
    database = name(place.database)
    _say(endpoint, f"CREATE DATABASE {database}")
    (shown,) = answers(endpoint.get("/query", {"q": f"SHOW RETENTION POLICIES ON {database}"}))
    known = {str(row[0]) for rows in shown.values() for row in rows}
    for part, days in parts(endpoint.section):
        there = part in known
        default = " DEFAULT" if part == "samples" else ""
        verb, more = ("ALTER", "") if there else ("CREATE", " REPLICATION 1")
        _say(endpoint, f"{verb} RETENTION POLICY {name(part)} ON {database} DURATION {days}d{more}{default}")
        done.append(f"retention policy {place.database}.{part}: {'is there' if there else 'made'}, kept {days} days")
    return done


def _say(endpoint: Endpoint, statement: str) -> None:
    answers(endpoint.tell("/query", {"q": statement}))


def _victoria(endpoint: Endpoint) -> Sequence[str]:
    """VictoriaMetrics: nothing to make; how it was started is all there is to look at."""
    said = endpoint.get("/flags", {}).decode("utf-8", "replace")
    flags = dict(re.findall(r'^-([\w.]+)="(.*)"$', said, re.MULTILINE))
    days = endpoint.section.keep_days
    done = [f"VictoriaMetrics at {endpoint.place.url}: answers; it makes what it needs itself"]
    for flag, (wanted, why) in _FLAGS.items():
        if flags.get(flag) != wanted:
            done.append(f"start it with -{flag}={wanted}, {why}")
    kept = flags.get("retentionPeriod", "1")
    done.append(f"it keeps readings for -retentionPeriod={kept} (a bare number is months); {days} days are wanted")
    return done


def _version(endpoint: Endpoint) -> str:
    """Return the version of an InfluxDB, as its health says; 1.x older than 1.8 says none."""
    try:
        return str(json.loads(endpoint.get("/health", {}))["version"]).removeprefix("v")
    except (ValueError, KeyError, TypeError) as e:
        raise ServerError(f"history {endpoint.place.url}: does not say its version: is it an InfluxDB?") from e


def _message(body: object) -> str:
    try:
        return str(json.loads(str(body))["message"])[:200]
    except (ValueError, KeyError, TypeError):
        return str(body)[:200]
