-- 0013: pictures of groups that their owners sent; avatar of the group is then the id of the picture. In the
-- database, so that they move and are backed up with their owner. They are small.
-- undo: DROP TABLE contact_group_picture;

CREATE TABLE IF NOT EXISTS contact_group_picture (
    owner_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    group_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mimetype VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    picture  MEDIUMBLOB NOT NULL,
    PRIMARY KEY (owner_id, group_id),
    FOREIGN KEY (owner_id, group_id) REFERENCES contact_group (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB;
