BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
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
	source TEXT NOT NULL, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id) ON DELETE CASCADE
);
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',0,'latency_us',123456.789012345,'us','modelled',15.0,3,0.1,'timing model');
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',1,'cycles',9876543210.0,'cycles','modelled',15.0,1,NULL,'');
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',2,'flash_bytes',71000.0,'B','static',0.0,1,NULL,'');
INSERT INTO "measurements" VALUES('20261121T024800-a1b2c3',3,'energy_uj',3.00000000000000044408e-01,'uJ','modelled',NULL,1,NULL,'');
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
INSERT INTO "profiles" VALUES('e19818cf2cfaa25d63dad03f906a41e37d6abc4de22025671ad5cca0fbb233a8','{"schema": 1, "name": "stm32l4", "title": "STM32L475VG (B-L475E-IOT01A)", "description": "Cortex-M4F low-power MCU at 80 MHz, 1 MiB flash, 96 KiB contiguous SRAM", "chip": {"part": "STM32L475VG", "vendor": "STMicroelectronics", "core": "cortex-m4f", "source": "ST DS10969 (STM32L475xx data sheet), cover page"}, "clock": {"hz": 80000000, "max_hz": 80000000, "source": "ST DS10969, cover page: up to 80 MHz"}, "flash": {"origin": 134217728, "size_bytes": 1048576, "wait_states": 4, "line_bytes": 8, "prefetch": true, "prefetch_hidden": null, "icache_bytes": 1024, "dcache_bytes": 256, "icache_ways": 0, "dcache_ways": 0, "cache_line_bytes": 32, "cache_fill": "read", "replacement": "lru", "unified": false, "uncertainty_pct": 0.0, "source": "ST RM0351, flash chapter: 4 wait states above 64 MHz in range 1; ART with 32 lines of 32 bytes for instructions and 8 lines of 32 bytes for data; 64-bit reads; that each is copied into the cache alone and the least recently used line replaced is assumed; wait states confirmed in ST''s HAL (thresholds of stm32l4xx_ll_utils.c), cache sizes not re-checked"}, "ram": [{"name": "sram1", "origin": 536870912, "size_bytes": 98304, "main": true, "source": "ST RM0351, memory organization: SRAM1 96 KiB; QEMU''s b-l475e-iot01a has the same"}, {"name": "sram2", "origin": 268435456, "size_bytes": 32768, "main": false, "source": "ST RM0351, memory organization: SRAM2 32 KiB, not contiguous with SRAM1; not used by the firmware"}], "power": {"volts": 3.0, "regulator": "ldo", "rows": [{"volts": 3.0, "regulator": "ldo", "clock_hz": 80000000, "clock_range_hz": null, "memory": "flash", "cache": true, "activity": "nn", "active_mw": 40.6, "active_ua_per_mhz": null, "uncertainty_pct": 30.0, "source": "no inference is published for this chip: midway (169 uA/MHz) between the data sheet''s table (130) and what published inferences draw on the sister chip STM32L4R5 at 3.0 V (208, reports/published), the band spans both"}, {"volts": 3.0, "regulator": "ldo", "clock_hz": 80000000, "clock_range_hz": null, "memory": "flash", "cache": true, "activity": "coremark", "active_mw": null, "active_ua_per_mhz": 130.0, "uncertainty_pct": 60.0, "source": "ST DS10969, run-mode supply current from flash with ART at 80 MHz (about 10.2 mA, Dhrystone-like code), not re-checked at the source"}, {"volts": 3.3, "regulator": "ldo", "clock_hz": null, "clock_range_hz": [1000000, 80000000], "memory": "flash", "cache": true, "activity": "datasheet", "active_mw": null, "active_ua_per_mhz": 100.0, "uncertainty_pct": 100.0, "source": "ST DS10969, cover page: run mode 100 uA/MHz, a best case; not re-checked at the source"}]}, "firmware": {"port": "stm32l4", "baud": 115200, "stack_bytes": 4096, "heap_bytes": 0}, "emulation": {"qemu": ["b-l475e-iot01a", "mps2-an386"]}, "calibration": null}');
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
INSERT INTO "runs" VALUES('20261121T024800-a1b2c3','failed','2026-11-21T02:48:00.123+00:00',1795229280123000,'2026-11-21T02:48:01.500+00:00','stm32l4','e19818cf2cfaa25d63dad03f906a41e37d6abc4de22025671ad5cca0fbb233a8','qemu','b-l475e-iot01a',1,'aot','08f2193155d80f7d693cf3ccae48843adc56faa9b17d97cb6b9bb61689e16673','example','x',1,1);
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
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX ix_runs_profile_name ON runs (profile_name);
CREATE INDEX ix_runs_started ON runs (started_us, run_id);
CREATE INDEX ix_measurements_name ON measurements (name);
CREATE INDEX ix_variants_parent_sha256 ON variants (parent_sha256);
CREATE INDEX ix_variants_sha256 ON variants (sha256);
COMMIT;
