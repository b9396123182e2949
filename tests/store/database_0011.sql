BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0011');
CREATE TABLE baselines (
	name VARCHAR(255) NOT NULL, 
	slot VARCHAR(64) NOT NULL, 
	model_sha256 VARCHAR(64) NOT NULL, 
	profile_name VARCHAR(255) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	engine VARCHAR(255) NOT NULL, 
	model_name VARCHAR(255) NOT NULL, 
	run_id VARCHAR(64) NOT NULL, 
	added_at VARCHAR(40) NOT NULL, 
	document JSON NOT NULL, 
	PRIMARY KEY (name, slot)
);
INSERT INTO "baselines" VALUES('main','ce37c641711844b4d2ed9000e463dbb5a63c55a5eeace7559eb4d112cd86d990','abababababababababababababababababababababababababababababababab','stm32l4','qemu','aot','kws','20261121T024800-a1b2c3','2026-11-21T22:05:01+00:00','{"schema": "hil.record.run/1", "run_id": "20261121T024800-a1b2c3", "status": "failed", "started_at": "2026-11-21T02:48:00.123+00:00", "finished_at": "2026-11-21T02:48:01.500+00:00", "profile_name": "stm32l4", "profile": {"name": "stm32l4"}, "target": "qemu", "machine": "b-l475e-iot01a", "machine_exact": true, "engine": "aot", "model": {"name": "kws", "path": "models/kws \u00b5.tflite", "sha256": "abababababababababababababababababababababababababababababababab", "dtype": "int8", "size_bytes": 53936, "macs": 2656768, "ops": 13}, "measurements": {"latency_us": {"name": "latency_us", "value": 123456.789012345, "unit": "us", "kind": "modelled", "uncertainty_pct": 15.0, "n": 3, "spread_pct": 0.1, "source": "timing model", "samples": [123456.5, 123456.789012345, 123579.9]}, "cycles": {"name": "cycles", "value": 9876543210.0, "unit": "cycles", "kind": "modelled", "uncertainty_pct": 15.0, "n": 1, "spread_pct": null, "source": "", "samples": []}, "flash_bytes": {"name": "flash_bytes", "value": 71000.0, "unit": "B", "kind": "static", "uncertainty_pct": 0.0, "n": 1, "spread_pct": null, "source": "", "samples": []}, "energy_uj": {"name": "energy_uj", "value": 0.30000000000000004, "unit": "uJ", "kind": "modelled", "uncertainty_pct": null, "n": 1, "spread_pct": null, "source": "", "samples": []}}, "ops": [{"index": 0, "op": "CONV_2D", "name": "conv/Relu;bn", "macs": 1280000, "instructions": 5000000000, "cycles": 6, "latency_us": 7.5, "kind": "modelled"}, {"index": 1, "op": "SOFTMAX", "name": "Identity", "macs": 0, "instructions": 100, "cycles": 130, "latency_us": 1.625, "kind": "modelled"}], "functions": [{"name": "hil_conv_s8", "instructions": 4000000, "cycles": 5000000}, {"name": "__aeabi_fmul", "instructions": 10, "cycles": 12}], "plan": {"arena_bytes": 22000, "placements": [{"name": "input", "tensor": 0, "offset": 0, "size": 490, "first_op": -1, "last_op": 0}, {"name": "scratch", "tensor": null, "offset": 496, "size": 128, "first_op": 0, "last_op": 0}], "peak_op": 1}, "flash_by_owner": {"code": 9000, "weights": 52000, "tables": 2000, "runtime": 8000}, "ram_by_owner": {"arena": 22000, "static": 300, "stack_reserved": 4096}, "check": {"reference": "tflite-runtime 2.14.0 BUILTIN_REF", "exact": true, "passed": false, "max_abs_diff": 3.0, "max_rel_diff": "Infinity", "tolerance": 0.0, "inputs": 5, "mismatches": 1}, "provenance": {"command": "hil run kws.tflite --profile stm32l4", "load_retries": 0, "firmware_cached": true, "stage_s": {"build": 0.25, "run": 0.5}, "nothing": null}, "notes": ["first", "second: \u00b15 %"], "errors": [{"message": "the output differs", "hint": "see docs", "kind": "WrongOutput"}, {"message": "again", "hint": "", "kind": "HilError"}]}');
CREATE TABLE evaluation_samples (
	evaluation_id VARCHAR(64) NOT NULL, 
	sample BIGINT NOT NULL, 
	label BIGINT NOT NULL, 
	equal BOOLEAN NOT NULL, 
	max_abs_diff DOUBLE, 
	decision BIGINT, 
	host_decision BIGINT, 
	in_top5 BOOLEAN, 
	score DOUBLE, 
	host_score DOUBLE, 
	PRIMARY KEY (evaluation_id, sample), 
	FOREIGN KEY(evaluation_id) REFERENCES evaluations (evaluation_id) ON DELETE CASCADE
);
CREATE TABLE evaluations (
	evaluation_id VARCHAR(64) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	started_at VARCHAR(40) NOT NULL, 
	started_us BIGINT NOT NULL, 
	finished_at VARCHAR(40), 
	profile_name VARCHAR(255) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	engine VARCHAR(255) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	boot_id VARCHAR(255) NOT NULL, 
	pid BIGINT NOT NULL, 
	pid_start BIGINT, 
	model_name VARCHAR(255) NOT NULL, 
	model_sha256 VARCHAR(64) NOT NULL, 
	model_dtype VARCHAR(255) NOT NULL, 
	data_name TEXT NOT NULL, 
	metric VARCHAR(16) NOT NULL, 
	samples BIGINT NOT NULL, 
	accuracy DOUBLE, 
	document JSON NOT NULL, 
	PRIMARY KEY (evaluation_id)
);
CREATE TABLE measurements (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	position BIGINT NOT NULL, 
	value DOUBLE, 
	unit VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	uncertainty_pct DOUBLE, 
	n BIGINT NOT NULL, 
	spread_pct DOUBLE, 
	source TEXT NOT NULL, 
	samples JSON, 
	PRIMARY KEY (run_id, name), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3','latency_us',0,123456.789012345,'us','modelled',15.0,3,0.1,'timing model','[123456.5, 123456.789012345, 123579.9]');
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3','cycles',1,9876543210.0,'cycles','modelled',15.0,1,NULL,'',NULL);
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3','flash_bytes',2,71000.0,'B','static',0.0,1,NULL,'',NULL);
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3','energy_uj',3,3.00000000000000044408e-01,'uJ','modelled',NULL,1,NULL,'',NULL);
CREATE TABLE runs (
	run_id VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	started_at VARCHAR(40) NOT NULL, 
	started_us BIGINT NOT NULL, 
	finished_at VARCHAR(40), 
	profile_name VARCHAR(255) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	engine VARCHAR(255) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	boot_id VARCHAR(255) NOT NULL, 
	pid BIGINT NOT NULL, 
	pid_start BIGINT, 
	machine VARCHAR(255) NOT NULL, 
	machine_exact BOOLEAN NOT NULL, 
	model_name VARCHAR(255), 
	model_path TEXT, 
	model_sha256 VARCHAR(64), 
	model_dtype VARCHAR(255), 
	model_size_bytes BIGINT, 
	model_macs BIGINT, 
	model_ops BIGINT, 
	engine_version TEXT, 
	firmware_sha256 TEXT, 
	hil_commit TEXT, 
	sweep_key VARCHAR(64), 
	document JSON NOT NULL, source_commit TEXT, label TEXT, 
	PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('20261121T024800-a1b2c3','failed','2026-11-21T02:48:00.123+00:00',1795229280123000,'2026-11-21T02:48:01.500+00:00','stm32l4','qemu','aot','vm','68072f63-3c48-4175-8847-51459afae8c8',10029,1526485,'b-l475e-iot01a',1,'kws','models/kws µ.tflite','abababababababababababababababababababababababababababababababab','int8',53936,2656768,13,NULL,NULL,NULL,NULL,'{"schema": "hil.record.run/1", "run_id": "20261121T024800-a1b2c3", "status": "failed", "started_at": "2026-11-21T02:48:00.123+00:00", "finished_at": "2026-11-21T02:48:01.500+00:00", "profile_name": "stm32l4", "profile": {"name": "stm32l4"}, "target": "qemu", "machine": "b-l475e-iot01a", "machine_exact": true, "engine": "aot", "model": {"name": "kws", "path": "models/kws \u00b5.tflite", "sha256": "abababababababababababababababababababababababababababababababab", "dtype": "int8", "size_bytes": 53936, "macs": 2656768, "ops": 13}, "measurements": {"latency_us": {"name": "latency_us", "value": 123456.789012345, "unit": "us", "kind": "modelled", "uncertainty_pct": 15.0, "n": 3, "spread_pct": 0.1, "source": "timing model", "samples": [123456.5, 123456.789012345, 123579.9]}, "cycles": {"name": "cycles", "value": 9876543210.0, "unit": "cycles", "kind": "modelled", "uncertainty_pct": 15.0, "n": 1, "spread_pct": null, "source": "", "samples": []}, "flash_bytes": {"name": "flash_bytes", "value": 71000.0, "unit": "B", "kind": "static", "uncertainty_pct": 0.0, "n": 1, "spread_pct": null, "source": "", "samples": []}, "energy_uj": {"name": "energy_uj", "value": 0.30000000000000004, "unit": "uJ", "kind": "modelled", "uncertainty_pct": null, "n": 1, "spread_pct": null, "source": "", "samples": []}}, "ops": [{"index": 0, "op": "CONV_2D", "name": "conv/Relu;bn", "macs": 1280000, "instructions": 5000000000, "cycles": 6, "latency_us": 7.5, "kind": "modelled"}, {"index": 1, "op": "SOFTMAX", "name": "Identity", "macs": 0, "instructions": 100, "cycles": 130, "latency_us": 1.625, "kind": "modelled"}], "functions": [{"name": "hil_conv_s8", "instructions": 4000000, "cycles": 5000000}, {"name": "__aeabi_fmul", "instructions": 10, "cycles": 12}], "plan": {"arena_bytes": 22000, "placements": [{"name": "input", "tensor": 0, "offset": 0, "size": 490, "first_op": -1, "last_op": 0}, {"name": "scratch", "tensor": null, "offset": 496, "size": 128, "first_op": 0, "last_op": 0}], "peak_op": 1}, "flash_by_owner": {"code": 9000, "weights": 52000, "tables": 2000, "runtime": 8000}, "ram_by_owner": {"arena": 22000, "static": 300, "stack_reserved": 4096}, "check": {"reference": "tflite-runtime 2.14.0 BUILTIN_REF", "exact": true, "passed": false, "max_abs_diff": 3.0, "max_rel_diff": "Infinity", "tolerance": 0.0, "inputs": 5, "mismatches": 1}, "provenance": {"command": "hil run kws.tflite --profile stm32l4", "load_retries": 0, "firmware_cached": true, "stage_s": {"build": 0.25, "run": 0.5}, "nothing": null}, "notes": ["first", "second: \u00b15 %"], "errors": [{"message": "the output differs", "hint": "see docs", "kind": "WrongOutput"}, {"message": "again", "hint": "", "kind": "HilError"}]}',NULL,NULL);
CREATE TABLE variants (
	variant_key VARCHAR(64) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	parent_sha256 VARCHAR(64) NOT NULL, 
	parent_name VARCHAR(255) NOT NULL, 
	scheme VARCHAR(32) NOT NULL, 
	created_at VARCHAR(40) NOT NULL, 
	created_us BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	document JSON NOT NULL, 
	PRIMARY KEY (variant_key)
);
CREATE INDEX ix_runs_started ON runs (started_us, run_id);
CREATE INDEX ix_runs_sweep_key ON runs (sweep_key);
CREATE INDEX ix_runs_slot ON runs (model_sha256, profile_name, target, engine, started_us, run_id, model_name, status);
CREATE INDEX ix_measurements_name ON measurements (name, run_id);
CREATE INDEX ix_evaluations_key ON evaluations ("key");
CREATE INDEX ix_evaluations_model ON evaluations (model_sha256);
CREATE INDEX ix_variants_sha256 ON variants (sha256);
CREATE INDEX ix_variants_parent ON variants (parent_sha256);
CREATE INDEX ix_baselines_model ON baselines (model_sha256, profile_name);
CREATE VIEW ops AS SELECT runs.run_id AS run_id, item.key AS position, NULLIF(json_extract(item.value, '$.index'), 'NaN') AS op_index, NULLIF(json_extract(item.value, '$.op'), 'NaN') AS op, NULLIF(json_extract(item.value, '$.name'), 'NaN') AS name, NULLIF(json_extract(item.value, '$.macs'), 'NaN') AS macs, NULLIF(json_extract(item.value, '$.instructions'), 'NaN') AS instructions, NULLIF(json_extract(item.value, '$.cycles'), 'NaN') AS cycles, NULLIF(json_extract(item.value, '$.latency_us'), 'NaN') AS latency_us, NULLIF(json_extract(item.value, '$.kind'), 'NaN') AS kind FROM runs, json_each(runs.document, '$.ops') AS item;
CREATE VIEW functions AS SELECT runs.run_id AS run_id, item.key AS position, NULLIF(json_extract(item.value, '$.name'), 'NaN') AS name, NULLIF(json_extract(item.value, '$.instructions'), 'NaN') AS instructions, NULLIF(json_extract(item.value, '$.cycles'), 'NaN') AS cycles FROM runs, json_each(runs.document, '$.functions') AS item;
CREATE INDEX ix_runs_history ON runs (model_name, profile_name, engine, target, started_us, run_id, status, model_sha256, hil_commit, source_commit, label);
COMMIT;
