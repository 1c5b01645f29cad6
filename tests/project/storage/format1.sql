BEGIN TRANSACTION;
CREATE TABLE box (
	id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	category_id INTEGER NOT NULL, 
	x1 FLOAT NOT NULL, 
	y1 FLOAT NOT NULL, 
	x2 FLOAT NOT NULL, 
	y2 FLOAT NOT NULL, 
	source VARCHAR(6) NOT NULL CHECK (source = 'crowd' OR source = 'mp' OR source = 'ma' OR source = 'person' OR source = 'clean'), 
	iteration INTEGER, 
	score FLOAT, 
	person VARCHAR, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (x1 <= x2 AND y1 <= y2), 
	CHECK (score BETWEEN 0 AND 1), 
	CHECK (iteration >= 0), 
	FOREIGN KEY(image_id) REFERENCES image (id), 
	FOREIGN KEY(category_id) REFERENCES category (id)
);
INSERT INTO "box" VALUES(1,1,1,10.0,10.0,30.0,30.0,'crowd',NULL,NULL,NULL,'2026-12-01 07:58:09.601587');
INSERT INTO "box" VALUES(2,1,1,50.0,10.0,70.0,30.0,'crowd',NULL,NULL,NULL,'2026-12-01 07:58:09.601587');
INSERT INTO "box" VALUES(3,2,1,50.0,10.0,70.0,30.0,'crowd',NULL,NULL,NULL,'2026-12-01 07:58:09.601587');
INSERT INTO "box" VALUES(4,2,1,10.0,50.0,30.0,70.0,'crowd',NULL,NULL,NULL,'2026-12-01 07:58:09.601587');
INSERT INTO "box" VALUES(5,1,1,10.0,50.0,30.0,70.0,'person',0,NULL,'Ada','2026-12-01 07:58:09.663993');
CREATE TABLE category (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "category" VALUES(1,'deposit');
CREATE TABLE choice (
	id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	iteration INTEGER NOT NULL, 
	kind VARCHAR(6) NOT NULL CHECK (kind = 'out' OR kind = 'in' OR kind = 'undone'), 
	person VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (iteration >= 0), 
	FOREIGN KEY(image_id) REFERENCES image (id)
);
CREATE TABLE correction (
	box_id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	iteration INTEGER NOT NULL, 
	outcome VARCHAR(8) NOT NULL CHECK (outcome = 'label' OR outcome = 'review' OR outcome = 'removed' OR outcome = 'replaced'), 
	PRIMARY KEY (box_id), 
	CHECK (iteration >= 0), 
	FOREIGN KEY(box_id) REFERENCES box (id), 
	FOREIGN KEY(image_id) REFERENCES image (id)
);
CREATE TABLE decision (
	id INTEGER NOT NULL, 
	task_id INTEGER NOT NULL, 
	box_id INTEGER NOT NULL, 
	action VARCHAR(6) NOT NULL CHECK (action = 'keep' OR action = 'delete' OR action = 'change' OR action = 'take' OR action = 'add' OR action = 'settle' OR action = 'undo' OR action = 'redo'), 
	state VARCHAR(7) NOT NULL CHECK (state = 'open' OR state = 'kept' OR state = 'changed' OR state = 'added' OR state = 'deleted'), 
	category_id INTEGER NOT NULL, 
	x1 FLOAT NOT NULL, 
	y1 FLOAT NOT NULL, 
	x2 FLOAT NOT NULL, 
	y2 FLOAT NOT NULL, 
	person VARCHAR NOT NULL, 
	credit VARCHAR NOT NULL, 
	decided_at DATETIME NOT NULL, 
	credited_at DATETIME, 
	PRIMARY KEY (id), 
	CHECK (x1 <= x2 AND y1 <= y2), 
	FOREIGN KEY(task_id) REFERENCES task (id), 
	FOREIGN KEY(box_id) REFERENCES box (id), 
	FOREIGN KEY(category_id) REFERENCES category (id)
);
INSERT INTO "decision" VALUES(1,1,1,'keep','kept',1,10.0,10.0,30.0,30.0,'Ada','Ada','2026-12-01 07:58:09.636194','2026-12-01 07:58:09.636089');
INSERT INTO "decision" VALUES(2,1,2,'delete','deleted',1,50.0,10.0,70.0,30.0,'Ada','Ada','2026-12-01 07:58:09.645775','2026-12-01 07:58:09.645668');
INSERT INTO "decision" VALUES(3,1,2,'undo','open',1,50.0,10.0,70.0,30.0,'Ada','','2026-12-01 07:58:09.651904',NULL);
INSERT INTO "decision" VALUES(4,1,2,'change','changed',1,48.0,10.0,70.0,30.0,'Ada','Ada','2026-12-01 07:58:09.656105','2026-12-01 07:58:09.656014');
INSERT INTO "decision" VALUES(5,1,5,'add','added',1,10.0,50.0,30.0,70.0,'Ada','Ada','2026-12-01 07:58:09.664967','2026-12-01 07:58:09.663906');
INSERT INTO "decision" VALUES(6,2,3,'keep','kept',1,50.0,10.0,70.0,30.0,'Bob','Bob','2026-12-01 07:58:09.678365','2026-12-01 07:58:09.678299');
CREATE TABLE event (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	step VARCHAR(7) NOT NULL CHECK (step = 'create' OR step = 'share' OR step = 'train' OR step = 'predict' OR step = 'select' OR step = 'audit' OR step = 'correct' OR step = 'export' OR step = 'stop' OR step = 'go on'), 
	iteration INTEGER, 
	details JSON NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (iteration >= 0)
);
INSERT INTO "event" VALUES(1,'2026-12-01 07:58:09.602222','create',NULL,'{"images": 2, "crowd_boxes": 4}');
CREATE TABLE image (
	id INTEGER NOT NULL, 
	file_name VARCHAR NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	role VARCHAR(10) NOT NULL CHECK (role = 'train' OR role = 'validation'), 
	PRIMARY KEY (id), 
	UNIQUE (file_name)
);
INSERT INTO "image" VALUES(1,'image1.tif',100,100,'0dbf367de42fca119a06e3ce08e06f71','train');
INSERT INTO "image" VALUES(2,'image2.tif',100,100,'0dbf367de42fca119a06e3ce08e06f71','train');
CREATE TABLE lease (
	task_id INTEGER NOT NULL, 
	session VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	host VARCHAR NOT NULL, 
	process INTEGER NOT NULL, 
	process_started FLOAT NOT NULL, 
	seen_at DATETIME NOT NULL, 
	PRIMARY KEY (task_id), 
	FOREIGN KEY(task_id) REFERENCES task (id)
);
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('format','1');
CREATE TABLE place (
	person VARCHAR NOT NULL, 
	task_id INTEGER NOT NULL, 
	box_id INTEGER, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (person), 
	FOREIGN KEY(task_id) REFERENCES task (id), 
	FOREIGN KEY(box_id) REFERENCES box (id)
);
CREATE TABLE proposal (
	task_id INTEGER NOT NULL, 
	box_id INTEGER NOT NULL, 
	state VARCHAR(7) NOT NULL CHECK (state = 'open' OR state = 'kept' OR state = 'changed' OR state = 'added' OR state = 'deleted'), 
	PRIMARY KEY (task_id, box_id), 
	FOREIGN KEY(task_id) REFERENCES task (id), 
	FOREIGN KEY(box_id) REFERENCES box (id)
);
INSERT INTO "proposal" VALUES(1,1,'open');
INSERT INTO "proposal" VALUES(1,2,'open');
INSERT INTO "proposal" VALUES(2,3,'open');
INSERT INTO "proposal" VALUES(2,4,'open');
CREATE TABLE ranking (
	iteration INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	rank INTEGER NOT NULL, 
	score FLOAT NOT NULL, 
	red INTEGER NOT NULL, 
	pink INTEGER NOT NULL, 
	green INTEGER NOT NULL, 
	gray INTEGER NOT NULL, 
	offered INTEGER, 
	PRIMARY KEY (iteration, image_id), 
	CHECK (iteration >= 0 AND rank >= 0 AND score >= 0 AND red >= 0 AND pink >= 0 AND green >= 0 AND gray >= 0), 
	FOREIGN KEY(image_id) REFERENCES image (id)
);
CREATE TABLE region (
	box_id INTEGER NOT NULL, 
	iteration INTEGER NOT NULL, 
	region VARCHAR NOT NULL CHECK (region = 'gray' OR region = 'pink' OR region = 'red' OR region = 'green'), 
	evaluation_score FLOAT, 
	box_in_box BOOLEAN NOT NULL, 
	PRIMARY KEY (box_id, iteration), 
	CHECK (evaluation_score BETWEEN 0 AND 1), 
	CHECK (iteration >= 0), 
	FOREIGN KEY(box_id) REFERENCES box (id)
);
CREATE TABLE run (
	iteration INTEGER NOT NULL, 
	model VARCHAR(2) NOT NULL CHECK (model = 'mp' OR model = 'ma'), 
	settings JSON NOT NULL, 
	images INTEGER NOT NULL, 
	boxes INTEGER NOT NULL, 
	trained_at DATETIME, 
	predicted_at DATETIME, 
	threshold FLOAT, 
	metrics JSON, 
	PRIMARY KEY (iteration, model), 
	CHECK (iteration >= 0 AND images >= 0 AND boxes >= 0)
);
CREATE TABLE spent (
	id INTEGER NOT NULL, 
	task_id INTEGER NOT NULL, 
	box_id INTEGER, 
	person VARCHAR NOT NULL, 
	seconds FLOAT NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (seconds >= 0), 
	FOREIGN KEY(task_id) REFERENCES task (id), 
	FOREIGN KEY(box_id) REFERENCES box (id)
);
CREATE TABLE task (
	id INTEGER NOT NULL, 
	image_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	iteration INTEGER NOT NULL, 
	models INTEGER, 
	rank INTEGER NOT NULL, 
	score FLOAT, 
	done_at DATETIME, 
	done_by VARCHAR, 
	reader VARCHAR NOT NULL, 
	audit BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (image_id, step, reader), 
	CHECK (step = 1 OR step = 2), 
	CHECK (iteration >= 0 AND rank >= 0), 
	FOREIGN KEY(image_id) REFERENCES image (id)
);
INSERT INTO "task" VALUES(1,1,1,0,NULL,0,NULL,'2026-12-01 07:58:09.669553','Ada','',0);
INSERT INTO "task" VALUES(2,2,1,0,NULL,1,NULL,NULL,NULL,'',0);
CREATE INDEX ix_box_source ON box (source);
CREATE INDEX ix_box_image_id ON box (image_id);
CREATE INDEX choice_of_iteration ON choice (iteration, image_id);
CREATE INDEX decision_of_box ON decision (task_id, box_id);
CREATE INDEX ix_correction_image_id ON correction (image_id);
CREATE INDEX ix_spent_task_id ON spent (task_id);
COMMIT;
