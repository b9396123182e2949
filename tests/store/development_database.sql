BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE baselines (
	name VARCHAR(255) NOT NULL, 
	slot VARCHAR(64) NOT NULL, 
	model_sha256 VARCHAR(64) NOT NULL, 
	model_name VARCHAR(255) NOT NULL, 
	profile_name VARCHAR(255) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	engine VARCHAR(255) NOT NULL, 
	run_id VARCHAR(64) NOT NULL, 
	added_at VARCHAR(40) NOT NULL, 
	document JSON NOT NULL, 
	PRIMARY KEY (name, slot)
);
INSERT INTO "baselines" VALUES('release','ce37c641711844b4d2ed9000e463dbb5a63c55a5eeace7559eb4d112cd86d990','abababababababababababababababababababababababababababababababab','kws','stm32l4','qemu','aot','20261121T024800-a1b2c3','2026-11-21T10:25:46+00:00','{"run_id": "20261121T024800-a1b2c3", "status": "failed", "started_at": "2026-11-21T02:48:00.123+00:00", "finished_at": "2026-11-21T02:48:01.500+00:00", "profile_name": "stm32l4", "profile": {"schema": 1, "name": "stm32l4", "title": "STM32L475VG (B-L475E-IOT01A)", "description": "Cortex-M4F low-power MCU at 80 MHz, 1 MiB flash, 96 KiB contiguous SRAM", "chip": {"part": "STM32L475VG", "vendor": "STMicroelectronics", "core": "cortex-m4f", "source": "ST DS10969 (STM32L475xx data sheet), cover page"}, "clock": {"hz": 80000000, "max_hz": 80000000, "source": "ST DS10969, cover page: up to 80 MHz"}, "flash": {"origin": 134217728, "size_bytes": 1048576, "wait_states": 4, "wait_states_by_clock": {"rows": [[16000000, 0], [32000000, 1], [48000000, 2], [64000000, 3], [80000000, 4]], "source": "ST RM0351, flash chapter, voltage range 1; thresholds confirmed in ST''s HAL (stm32l4xx_ll_utils.c)"}, "line_bytes": 8, "prefetch": true, "prefetch_hidden": null, "icache_bytes": 1024, "dcache_bytes": 256, "icache_ways": 0, "dcache_ways": 0, "cache_line_bytes": 32, "cache_fill": "read", "replacement": "lru", "unified": false, "uncertainty_pct": 0.0, "source": "ST RM0351, flash chapter: 4 wait states above 64 MHz in range 1; ART with 32 lines of 32 bytes for instructions and 8 lines of 32 bytes for data; 64-bit reads; that each is copied into the cache alone and the least recently used line replaced is assumed; wait states confirmed in ST''s HAL (thresholds of stm32l4xx_ll_utils.c), cache sizes not re-checked"}, "ram": [{"name": "sram1", "origin": 536870912, "size_bytes": 98304, "main": true, "source": "ST RM0351, memory organization: SRAM1 96 KiB; QEMU''s b-l475e-iot01a has the same"}, {"name": "sram2", "origin": 268435456, "size_bytes": 32768, "main": false, "source": "ST RM0351, memory organization: SRAM2 32 KiB, not contiguous with SRAM1; not used by the firmware"}], "power": {"volts": 3.0, "regulator": "ldo", "rows": [{"volts": 3.0, "regulator": "ldo", "clock_hz": 80000000, "clock_range_hz": null, "memory": "flash", "cache": true, "activity": "nn", "active_mw": 40.6, "active_ua_per_mhz": null, "uncertainty_pct": 30.0, "source": "no inference is published for this chip: midway (169 uA/MHz) between the data sheet''s table (130) and what published inferences draw on the sister chip STM32L4R5 at 3.0 V (208, reports/published), the band spans both"}, {"volts": 3.0, "regulator": "ldo", "clock_hz": 80000000, "clock_range_hz": null, "memory": "flash", "cache": true, "activity": "coremark", "active_mw": null, "active_ua_per_mhz": 130.0, "uncertainty_pct": 60.0, "source": "ST DS10969, run-mode supply current from flash with ART at 80 MHz (about 10.2 mA, Dhrystone-like code), not re-checked at the source"}, {"volts": 3.3, "regulator": "ldo", "clock_hz": null, "clock_range_hz": [1000000, 80000000], "memory": "flash", "cache": true, "activity": "datasheet", "active_mw": null, "active_ua_per_mhz": 100.0, "uncertainty_pct": 100.0, "source": "ST DS10969, cover page: run mode 100 uA/MHz, a best case; not re-checked at the source"}]}, "firmware": {"port": "stm32l4", "baud": 115200, "stack_bytes": 4096, "heap_bytes": 0}, "emulation": {"qemu": ["b-l475e-iot01a", "mps2-an386"]}, "calibration": null, "notes": []}, "target": "qemu", "machine": "b-l475e-iot01a", "machine_exact": true, "engine": "aot", "model": {"name": "kws", "path": "models/kws \u00b5.tflite", "sha256": "abababababababababababababababababababababababababababababababab", "dtype": "int8", "size_bytes": 53936, "macs": 2656768, "ops": 13}, "measurements": {"latency_us": {"name": "latency_us", "value": 123456.789012345, "unit": "us", "kind": "modelled", "uncertainty_pct": 15.0, "n": 3, "spread_pct": 0.1, "source": "timing model", "samples": [123456.5, 123456.789012345, 123579.9]}, "cycles": {"name": "cycles", "value": 9876543210.0, "unit": "cycles", "kind": "modelled", "uncertainty_pct": 15.0, "n": 1, "spread_pct": null, "source": "", "samples": []}, "flash_bytes": {"name": "flash_bytes", "value": 71000.0, "unit": "B", "kind": "static", "uncertainty_pct": 0.0, "n": 1, "spread_pct": null, "source": "", "samples": []}, "energy_uj": {"name": "energy_uj", "value": 0.30000000000000004, "unit": "uJ", "kind": "modelled", "uncertainty_pct": null, "n": 1, "spread_pct": null, "source": "", "samples": []}}, "ops": [{"index": 0, "op": "CONV_2D", "name": "conv/Relu;bn", "macs": 1280000, "instructions": 5000000000, "cycles": 6, "latency_us": 7.5, "kind": "modelled"}, {"index": 1, "op": "SOFTMAX", "name": "Identity", "macs": 0, "instructions": 100, "cycles": 130, "latency_us": 1.625, "kind": "modelled"}], "functions": [{"name": "hil_conv_s8", "instructions": 4000000, "cycles": 5000000}, {"name": "__aeabi_fmul", "instructions": 10, "cycles": 12}], "plan": {"arena_bytes": 22000, "placements": [{"name": "input", "tensor": 0, "offset": 0, "size": 490, "first_op": -1, "last_op": 0}, {"name": "scratch", "tensor": null, "offset": 496, "size": 128, "first_op": 0, "last_op": 0}], "peak_op": 1}, "flash_by_owner": {"code": 9000, "weights": 52000, "tables": 2000, "runtime": 8000}, "ram_by_owner": {"arena": 22000, "static": 300, "stack_reserved": 4096}, "check": {"reference": "tflite-runtime 2.14.0 BUILTIN_REF", "exact": true, "passed": false, "max_abs_diff": 3.0, "max_rel_diff": 1.5, "tolerance": 0.0, "inputs": 5, "mismatches": 1}, "provenance": {"command": "hil run kws.tflite --profile stm32l4", "load_retries": 0, "firmware_cached": true, "stage_s": {"build": 0.25, "run": 0.5}, "nothing": null}, "notes": ["first", "second: \u00b15 %"], "errors": [{"message": "the output differs", "hint": "see docs", "kind": "WrongOutput"}, {"message": "again", "hint": "", "kind": "HilError"}]}');
CREATE TABLE checks (
	run_id VARCHAR(64) NOT NULL, 
	reference TEXT NOT NULL, 
	exact BOOLEAN NOT NULL, 
	passed BOOLEAN NOT NULL, 
	max_abs_diff DOUBLE, 
	max_rel_diff DOUBLE, 
	tolerance DOUBLE, 
	inputs BIGINT NOT NULL, 
	mismatches BIGINT NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "checks" VALUES('20261121T024800-a1b2c3','tflite-runtime 2.14.0 BUILTIN_REF',1,0,3.0,1.5,0.0,5,1);
CREATE TABLE errors (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	message TEXT NOT NULL, 
	hint TEXT NOT NULL, 
	kind VARCHAR(255) NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "errors" VALUES('20261121T024800-a1b2c3',0,'the output differs','see docs','WrongOutput');
INSERT INTO "errors" VALUES('20261121T024800-a1b2c3',1,'again','','HilError');
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
INSERT INTO "evaluation_samples" VALUES('20261121T030000-e5f6a7',0,0,1,0.0,0,0,1,NULL,NULL);
INSERT INTO "evaluation_samples" VALUES('20261121T030000-e5f6a7',3,0,1,0.0,0,0,1,NULL,NULL);
INSERT INTO "evaluation_samples" VALUES('20261121T030000-e5f6a7',7,1,0,2.0,1,0,1,NULL,NULL);
INSERT INTO "evaluation_samples" VALUES('20261121T030000-e5f6a7',9,1,1,0.0,NULL,NULL,NULL,3.00000000000000044408e-01,1.0e-300);
CREATE TABLE evaluations (
	evaluation_id VARCHAR(64) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	started_at VARCHAR(40) NOT NULL, 
	started_us BIGINT NOT NULL, 
	finished_at VARCHAR(40), 
	profile_name VARCHAR(255) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	machine VARCHAR(255) NOT NULL, 
	machine_exact BOOLEAN NOT NULL, 
	engine VARCHAR(255) NOT NULL, 
	model_name VARCHAR(255) NOT NULL, 
	model_sha256 VARCHAR(64) NOT NULL, 
	model_dtype VARCHAR(255) NOT NULL, 
	firmware_sha256 VARCHAR(64) NOT NULL, 
	data_name TEXT NOT NULL, 
	data_sha256 VARCHAR(64) NOT NULL, 
	metric VARCHAR(16) NOT NULL, 
	samples BIGINT NOT NULL, 
	preparation TEXT NOT NULL, 
	options JSON NOT NULL, 
	provenance JSON NOT NULL, 
	accuracy JSON, 
	errors JSON NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	boot_id VARCHAR(255) NOT NULL, 
	pid BIGINT NOT NULL, 
	pid_start BIGINT, 
	PRIMARY KEY (evaluation_id)
);
INSERT INTO "evaluations" VALUES('20261121T030000-e5f6a7','9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a','passed','2026-11-21T03:00:00.125+00:00',1795230000125000,'2026-11-21T03:00:10.500+00:00','stm32l4','qemu','b-l475e-iot01a',1,'aot','kws µ','abababababababababababababababababababababababababababababababab','int8','3434343434343434343434343434343434343434343434343434343434343434','tests µ.npz','5656565656565656565656565656565656565656565656565656565656565656','top1',4,'int8 data as it is','{"limit": null, "seed": 3}','{"command": "hil accuracy kws.tflite", "nothing": null}','{"metric": "top1", "main": {"value": 0.75, "low": 0.3, "high": 0.95, "n": 4, "count": 3, "method": "Wilson"}, "host": {"value": 0.5, "low": 0.15, "high": 0.85, "n": 4, "count": 2, "method": "Wilson"}, "top5": {"value": 1.0, "low": 0.51, "high": 1.0, "n": 4, "count": 4, "method": "Wilson"}, "confusion": [[2, 0], [1, 1]], "samples": 4, "items": 4, "equal": 3, "same_decision": 3, "exact": true, "max_abs_diff": 2.0, "differing": [7], "notes": ["first"]}','[{"message": "outputs differ", "hint": "see docs", "kind": "WrongOutput"}]','example','x',1,1);
CREATE TABLE firmware_sizes (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	memory VARCHAR(16) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "firmware_sizes" VALUES('20261121T024800-a1b2c3',0,'flash','code',9000);
INSERT INTO "firmware_sizes" VALUES('20261121T024800-a1b2c3',1,'flash','weights',52000);
INSERT INTO "firmware_sizes" VALUES('20261121T024800-a1b2c3',2,'flash','tables',2000);
INSERT INTO "firmware_sizes" VALUES('20261121T024800-a1b2c3',3,'flash','runtime',8000);
INSERT INTO "firmware_sizes" VALUES('20261121T024800-a1b2c3',4,'ram','arena',22000);
INSERT INTO "firmware_sizes" VALUES('20261121T024800-a1b2c3',5,'ram','static',300);
INSERT INTO "firmware_sizes" VALUES('20261121T024800-a1b2c3',6,'ram','stack_reserved',4096);
CREATE TABLE functions (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	instructions BIGINT NOT NULL, 
	cycles BIGINT NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "functions" VALUES('20261121T024800-a1b2c3',0,'hil_conv_s8',4000000,5000000);
INSERT INTO "functions" VALUES('20261121T024800-a1b2c3',1,'__aeabi_fmul',10,12);
CREATE TABLE measurements (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value DOUBLE, 
	unit VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	uncertainty_pct DOUBLE, 
	n BIGINT NOT NULL, 
	spread_pct DOUBLE, 
	source TEXT NOT NULL, samples JSON, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',0,'latency_us',123456.789012345,'us','modelled',15.0,3,0.1,'timing model','[123456.5, 123456.789012345, 123579.9]');
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',1,'cycles',9876543210.0,'cycles','modelled',15.0,1,NULL,'',NULL);
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',2,'flash_bytes',71000.0,'B','static',0.0,1,NULL,'',NULL);
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',3,'energy_uj',3.00000000000000044408e-01,'uJ','modelled',NULL,1,NULL,'',NULL);
CREATE TABLE models (
	model_key VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	path TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	dtype VARCHAR(255) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	macs BIGINT NOT NULL, 
	ops BIGINT NOT NULL, 
	PRIMARY KEY (model_key)
);
INSERT INTO "models" VALUES('08f2193155d80f7d693cf3ccae48843adc56faa9b17d97cb6b9bb61689e16673','kws','models/kws µ.tflite','abababababababababababababababababababababababababababababababab','int8',53936,2656768,13);
CREATE TABLE notes (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "notes" VALUES('20261121T024800-a1b2c3',0,'first');
INSERT INTO "notes" VALUES('20261121T024800-a1b2c3',1,'second: ±5 %');
CREATE TABLE ops (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	op_index BIGINT NOT NULL, 
	op VARCHAR(255) NOT NULL, 
	name TEXT NOT NULL, 
	macs BIGINT NOT NULL, 
	instructions BIGINT NOT NULL, 
	cycles BIGINT NOT NULL, 
	latency_us DOUBLE, 
	kind VARCHAR(16) NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "ops" VALUES('20261121T024800-a1b2c3',0,0,'CONV_2D','conv/Relu;bn',1280000,5000000000,6,7.5,'modelled');
INSERT INTO "ops" VALUES('20261121T024800-a1b2c3',1,1,'SOFTMAX','Identity',0,100,130,1.625,'modelled');
CREATE TABLE placements (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	tensor BIGINT, 
	"offset" BIGINT NOT NULL, 
	size BIGINT NOT NULL, 
	first_op BIGINT NOT NULL, 
	last_op BIGINT NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "placements" VALUES('20261121T024800-a1b2c3',0,'input',0,0,490,-1,0);
INSERT INTO "placements" VALUES('20261121T024800-a1b2c3',1,'scratch',NULL,496,128,0,0);
CREATE TABLE plans (
	run_id VARCHAR(64) NOT NULL, 
	arena_bytes BIGINT NOT NULL, 
	peak_op BIGINT NOT NULL, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "plans" VALUES('20261121T024800-a1b2c3',22000,1);
CREATE TABLE profiles (
	profile_key VARCHAR(64) NOT NULL, 
	snapshot JSON NOT NULL, 
	PRIMARY KEY (profile_key)
);
INSERT INTO "profiles" VALUES('dac5aa541b34de02eb230723c5bf60551920e9d030d2a50db3c3c678ec859072','{"schema": 1, "name": "stm32l4", "title": "STM32L475VG (B-L475E-IOT01A)", "description": "Cortex-M4F low-power MCU at 80 MHz, 1 MiB flash, 96 KiB contiguous SRAM", "chip": {"part": "STM32L475VG", "vendor": "STMicroelectronics", "core": "cortex-m4f", "source": "ST DS10969 (STM32L475xx data sheet), cover page"}, "clock": {"hz": 80000000, "max_hz": 80000000, "source": "ST DS10969, cover page: up to 80 MHz"}, "flash": {"origin": 134217728, "size_bytes": 1048576, "wait_states": 4, "wait_states_by_clock": {"rows": [[16000000, 0], [32000000, 1], [48000000, 2], [64000000, 3], [80000000, 4]], "source": "ST RM0351, flash chapter, voltage range 1; thresholds confirmed in ST''s HAL (stm32l4xx_ll_utils.c)"}, "line_bytes": 8, "prefetch": true, "prefetch_hidden": null, "icache_bytes": 1024, "dcache_bytes": 256, "icache_ways": 0, "dcache_ways": 0, "cache_line_bytes": 32, "cache_fill": "read", "replacement": "lru", "unified": false, "uncertainty_pct": 0.0, "source": "ST RM0351, flash chapter: 4 wait states above 64 MHz in range 1; ART with 32 lines of 32 bytes for instructions and 8 lines of 32 bytes for data; 64-bit reads; that each is copied into the cache alone and the least recently used line replaced is assumed; wait states confirmed in ST''s HAL (thresholds of stm32l4xx_ll_utils.c), cache sizes not re-checked"}, "ram": [{"name": "sram1", "origin": 536870912, "size_bytes": 98304, "main": true, "source": "ST RM0351, memory organization: SRAM1 96 KiB; QEMU''s b-l475e-iot01a has the same"}, {"name": "sram2", "origin": 268435456, "size_bytes": 32768, "main": false, "source": "ST RM0351, memory organization: SRAM2 32 KiB, not contiguous with SRAM1; not used by the firmware"}], "power": {"volts": 3.0, "regulator": "ldo", "rows": [{"volts": 3.0, "regulator": "ldo", "clock_hz": 80000000, "clock_range_hz": null, "memory": "flash", "cache": true, "activity": "nn", "active_mw": 40.6, "active_ua_per_mhz": null, "uncertainty_pct": 30.0, "source": "no inference is published for this chip: midway (169 uA/MHz) between the data sheet''s table (130) and what published inferences draw on the sister chip STM32L4R5 at 3.0 V (208, reports/published), the band spans both"}, {"volts": 3.0, "regulator": "ldo", "clock_hz": 80000000, "clock_range_hz": null, "memory": "flash", "cache": true, "activity": "coremark", "active_mw": null, "active_ua_per_mhz": 130.0, "uncertainty_pct": 60.0, "source": "ST DS10969, run-mode supply current from flash with ART at 80 MHz (about 10.2 mA, Dhrystone-like code), not re-checked at the source"}, {"volts": 3.3, "regulator": "ldo", "clock_hz": null, "clock_range_hz": [1000000, 80000000], "memory": "flash", "cache": true, "activity": "datasheet", "active_mw": null, "active_ua_per_mhz": 100.0, "uncertainty_pct": 100.0, "source": "ST DS10969, cover page: run mode 100 uA/MHz, a best case; not re-checked at the source"}]}, "firmware": {"port": "stm32l4", "baud": 115200, "stack_bytes": 4096, "heap_bytes": 0}, "emulation": {"qemu": ["b-l475e-iot01a", "mps2-an386"]}, "calibration": null, "notes": []}');
CREATE TABLE provenance (
	run_id VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "provenance" VALUES('20261121T024800-a1b2c3',0,'command','"hil run kws.tflite --profile stm32l4"');
INSERT INTO "provenance" VALUES('20261121T024800-a1b2c3',1,'load_retries','0');
INSERT INTO "provenance" VALUES('20261121T024800-a1b2c3',2,'firmware_cached','true');
INSERT INTO "provenance" VALUES('20261121T024800-a1b2c3',3,'stage_s','{"build": 0.25, "run": 0.5}');
INSERT INTO "provenance" VALUES('20261121T024800-a1b2c3',4,'nothing','null');
CREATE TABLE runs (
	run_id VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	started_at VARCHAR(40) NOT NULL, 
	started_us BIGINT NOT NULL, 
	finished_at VARCHAR(40), 
	profile_name VARCHAR(255) NOT NULL, 
	profile_key VARCHAR(64) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	machine VARCHAR(255) NOT NULL, 
	machine_exact BOOLEAN NOT NULL, 
	engine VARCHAR(255) NOT NULL, 
	model_key VARCHAR(64), 
	host VARCHAR(255) NOT NULL, 
	boot_id VARCHAR(255) NOT NULL, 
	pid BIGINT NOT NULL, 
	pid_start BIGINT, 
	PRIMARY KEY (run_id), 
	FOREIGN KEY(profile_key) REFERENCES profiles (profile_key), 
	FOREIGN KEY(model_key) REFERENCES models (model_key)
);
INSERT INTO "runs" VALUES('20261121T024800-a1b2c3','failed','2026-11-21T02:48:00.123+00:00',1795229280123000,'2026-11-21T02:48:01.500+00:00','stm32l4','dac5aa541b34de02eb230723c5bf60551920e9d030d2a50db3c3c678ec859072','qemu','b-l475e-iot01a',1,'aot','08f2193155d80f7d693cf3ccae48843adc56faa9b17d97cb6b9bb61689e16673','example','x',1,1);
CREATE TABLE variant_agreements (
	variant_key VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	data VARCHAR(16) NOT NULL, 
	samples BIGINT NOT NULL, 
	top1 DOUBLE, 
	sqnr_db DOUBLE, 
	cosine DOUBLE, 
	max_abs_diff DOUBLE, 
	parent_accuracy DOUBLE, 
	accuracy DOUBLE, 
	PRIMARY KEY (variant_key, position), 
	FOREIGN KEY(variant_key) REFERENCES variants (variant_key) ON DELETE CASCADE
);
INSERT INTO "variant_agreements" VALUES('eb7ffabe6727992f31561994ba8271801cdb825f3ddce163f6bef64b3dad6cf2',0,'calibration',100,0.99,30.25,0.999,0.01,NULL,NULL);
INSERT INTO "variant_agreements" VALUES('eb7ffabe6727992f31561994ba8271801cdb825f3ddce163f6bef64b3dad6cf2',1,'held-out',25,0.96,28.5,0.998,0.02,0.92,0.88);
CREATE TABLE variant_ranges (
	variant_key VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	tensor BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	minimum DOUBLE, 
	maximum DOUBLE, 
	low DOUBLE, 
	high DOUBLE, 
	clipped DOUBLE, 
	PRIMARY KEY (variant_key, position), 
	FOREIGN KEY(variant_key) REFERENCES variants (variant_key) ON DELETE CASCADE
);
INSERT INTO "variant_ranges" VALUES('eb7ffabe6727992f31561994ba8271801cdb825f3ddce163f6bef64b3dad6cf2',0,3,'conv/Relu;bn',-0.5,6.25,0.0,6.0,0.001);
CREATE TABLE variant_tensors (
	variant_key VARCHAR(64) NOT NULL, 
	position BIGINT NOT NULL, 
	tensor BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	dtype VARCHAR(16) NOT NULL, 
	scale DOUBLE, 
	zero_point BIGINT NOT NULL, 
	sqnr_db DOUBLE, 
	cosine DOUBLE, 
	saturated DOUBLE, 
	PRIMARY KEY (variant_key, position), 
	FOREIGN KEY(variant_key) REFERENCES variants (variant_key) ON DELETE CASCADE
);
INSERT INTO "variant_tensors" VALUES('eb7ffabe6727992f31561994ba8271801cdb825f3ddce163f6bef64b3dad6cf2',0,3,'conv/Relu;bn','activation','int8',0.05,-128,31.5,0.9999,0.02);
INSERT INTO "variant_tensors" VALUES('eb7ffabe6727992f31561994ba8271801cdb825f3ddce163f6bef64b3dad6cf2',1,1,'conv/w','weights','int8',0.003,0,99.0,1.0,0.01);
CREATE TABLE variants (
	variant_key VARCHAR(64) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	parent_sha256 VARCHAR(64) NOT NULL, 
	parent_name VARCHAR(255) NOT NULL, 
	scheme VARCHAR(32) NOT NULL, 
	options JSON NOT NULL, 
	calibration TEXT NOT NULL, 
	calibration_sha256 VARCHAR(64) NOT NULL, 
	calibration_samples BIGINT NOT NULL, 
	library VARCHAR(255) NOT NULL, 
	created_at VARCHAR(40) NOT NULL, 
	created_us BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	PRIMARY KEY (variant_key)
);
INSERT INTO "variants" VALUES('eb7ffabe6727992f31561994ba8271801cdb825f3ddce163f6bef64b3dad6cf2','cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef','kws µ','int8','{"method": "percentile:99.9", "io": "int8", "q_format": ""}','samples µ.npz','1212121212121212121212121212121212121212121212121212121212121212',100,'ai-edge-quantizer 0.10.0','2026-11-21T09:30:00.250+00:00',1795253400250000,53936);
CREATE INDEX ix_models_sha256 ON models (sha256);
CREATE INDEX ix_models_name ON models (name);
CREATE INDEX ix_runs_profile_name ON runs (profile_name);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX ix_runs_started ON runs (started_us, run_id);
CREATE INDEX ix_measurements_name ON measurements (name);
CREATE INDEX ix_variants_sha256 ON variants (sha256);
CREATE INDEX ix_variants_parent_sha256 ON variants (parent_sha256);
CREATE INDEX ix_evaluations_key ON evaluations ("key");
CREATE INDEX ix_evaluations_model_sha256 ON evaluations (model_sha256);
CREATE INDEX ix_baselines_model ON baselines (model_sha256, profile_name);
CREATE INDEX ix_runs_slot ON runs (model_key, profile_name, target, engine, started_us, run_id);
COMMIT;
