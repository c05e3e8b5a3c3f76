"""The tables of the store and its statements; all text here is constant, values are always bound."""

# ruff: noqa: S608

APPLICATION_ID = 0x41754567  # "AuEg"; file(1) and other readers of SQLite files can tell whose it is
VERSION = 2

# One row per measurement, its samples last: SQLite keeps them on overflow pages, so reading the columns before them
# does not touch them. Integer keys keep inserts at the end of the tables. Digests are of the content (see rows.py).
TABLES = """
CREATE TABLE run (
  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created_unix_ns INTEGER NOT NULL, finished_unix_ns INTEGER,
  device TEXT NOT NULL, status TEXT NOT NULL, context TEXT NOT NULL, plan TEXT NOT NULL, verdict TEXT,
  digest BLOB NOT NULL, owner TEXT
);
CREATE INDEX run_by_time ON run (created_unix_ns);
CREATE TABLE network (
  run INTEGER NOT NULL REFERENCES run, idx INTEGER NOT NULL, name TEXT NOT NULL, runtime TEXT NOT NULL,
  mode TEXT NOT NULL, info TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (run, idx)
);
CREATE TABLE spec (key INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, layer TEXT NOT NULL);
CREATE TABLE measurement (
  run INTEGER NOT NULL, network INTEGER NOT NULL, kind TEXT NOT NULL, mode TEXT NOT NULL, position INTEGER NOT NULL,
  name TEXT NOT NULL, op TEXT NOT NULL, count INTEGER NOT NULL, nodes TEXT NOT NULL, spec INTEGER REFERENCES spec,
  status TEXT NOT NULL, reason TEXT, loops INTEGER NOT NULL, energy TEXT, digest BLOB NOT NULL, samples BLOB NOT NULL,
  PRIMARY KEY (run, network, kind, mode, position), FOREIGN KEY (run, network) REFERENCES network
);
CREATE INDEX measurement_by_spec ON measurement (spec) WHERE spec IS NOT NULL;
"""
# What each version added to the one before it; a new store is one of version 1 with all of these.
# origin: names this file among all stores. sent: what went where, `state` being the run's content at that time.
UPGRADES = {
    1: """
CREATE TABLE origin (id TEXT NOT NULL);
INSERT INTO origin VALUES (lower(hex(randomblob(8))));
CREATE TABLE sent (
  target TEXT NOT NULL, run TEXT NOT NULL, state BLOB NOT NULL, batch TEXT NOT NULL, acknowledged INTEGER NOT NULL,
  PRIMARY KEY (target, run)
) WITHOUT ROWID;
CREATE TABLE ingested (batch TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX run_by_device ON run (device);
DROP INDEX measurement_by_spec;
CREATE INDEX measurement_by_spec ON measurement (spec, run) WHERE spec IS NOT NULL
"""
}

RUN_COLUMNS = "r.id, r.created_unix_ns, r.finished_unix_ns, r.device, r.status, r.context, r.plan, r.verdict, r.digest"
NETWORK_COLUMNS = "n.idx, n.name, n.runtime, n.mode, n.info, n.digest"
MEASUREMENT_COLUMNS = (
    "m.network, m.kind, m.mode, m.position, m.name, m.op, m.count, m.nodes, s.layer, s.digest, m.status, m.reason,"
    " m.loops, m.energy, m.samples, m.digest"
)
MEASUREMENTS = "measurement m LEFT JOIN spec s ON s.key = m.spec"

SAVE_SPEC = "INSERT INTO spec (digest, layer) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING"
SPEC = "SELECT key, layer FROM spec WHERE digest = ?"
ADD_MEASUREMENT = """
INSERT INTO measurement (run, network, kind, mode, position, name, op, count, nodes, spec, status, reason, loops,
  energy, samples, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
UPDATE_MEASUREMENT = """
ON CONFLICT (run, network, kind, mode, position) DO UPDATE SET
  name = excluded.name, op = excluded.op, count = excluded.count, nodes = excluded.nodes, spec = excluded.spec,
  status = excluded.status, reason = excluded.reason, loops = excluded.loops,
  energy = excluded.energy, samples = excluded.samples, digest = excluded.digest
"""
SAVE_MEASUREMENT = ADD_MEASUREMENT + UPDATE_MEASUREMENT
JOIN_MEASUREMENT = f"{SAVE_MEASUREMENT}WHERE length(excluded.samples) > length(samples)"
SAVE_RUN = """
INSERT INTO run (id, created_unix_ns, finished_unix_ns, device, status, context, plan, verdict, digest, owner)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET finished_unix_ns = excluded.finished_unix_ns, device = excluded.device,
  status = excluded.status, context = excluded.context, plan = excluded.plan, verdict = excluded.verdict,
  created_unix_ns = excluded.created_unix_ns, digest = excluded.digest, owner = excluded.owner
"""
SAVE_NETWORK = """
INSERT INTO network (run, idx, name, runtime, mode, info, digest) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, idx) DO UPDATE SET name = excluded.name, runtime = excluded.runtime, mode = excluded.mode,
  info = excluded.info, digest = excluded.digest
"""
RUN = f"SELECT {RUN_COLUMNS} FROM run r WHERE r.id = ?"
NETWORKS_OF = f"SELECT {NETWORK_COLUMNS} FROM network n JOIN run r ON r.key = n.run WHERE r.id = ? ORDER BY n.idx"
MEASUREMENTS_OF = f"""
SELECT {MEASUREMENT_COLUMNS} FROM {MEASUREMENTS} JOIN run r ON r.key = m.run
WHERE r.id = ? AND m.network = ? ORDER BY m.kind, m.mode, m.position
"""
NEWEST = "ORDER BY r.created_unix_ns DESC, r.id DESC"

ALL_RUNS = f"SELECT {RUN_COLUMNS} FROM run r"
ALL_NETWORKS = f"SELECT r.id, {NETWORK_COLUMNS} FROM network n JOIN run r ON r.key = n.run"
ALL_MEASUREMENTS = f"SELECT r.id, {MEASUREMENT_COLUMNS} FROM {MEASUREMENTS} JOIN run r ON r.key = m.run"

UNSENT = """
SELECT r.id, r.device, r.created_unix_ns, r.status, r.digest, r.owner, s.state FROM run r
LEFT JOIN sent s ON s.target = ? AND s.run = r.id AND s.acknowledged
WHERE s.state IS NULL OR s.state != r.digest ORDER BY r.id
"""
OFFER = """
INSERT INTO sent (target, run, state, batch, acknowledged) VALUES (?, ?, ?, ?, 0)
ON CONFLICT (target, run) DO UPDATE SET state = excluded.state, batch = excluded.batch, acknowledged = 0
"""
DIGESTS_OF = """
SELECT digest FROM (
  SELECT n.digest, n.idx AS a, '' AS b, '' AS c, -2 AS d FROM network n JOIN run r ON r.key = n.run WHERE r.id = ?1
  UNION ALL
  SELECT m.digest, m.network, m.kind, m.mode, m.position FROM measurement m JOIN run r ON r.key = m.run WHERE r.id = ?1
  ORDER BY a, b, c, d
)
"""
# CROSS: in this order, a step into the index for each of the device's runs. SQLite, which knows no counts, would look
# at every device's rows of the layer, and in a fleet all devices measure the same layers.
OF_LAYER = f"""
SELECT r.id, {MEASUREMENT_COLUMNS} FROM spec s CROSS JOIN run r CROSS JOIN measurement m
  ON m.spec = s.key AND m.run = r.key
WHERE s.digest = ? AND r.device = ? ORDER BY r.id, m.network, m.kind, m.mode, m.position
"""
