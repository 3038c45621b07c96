-- +goose Up
CREATE TABLE uses (
    owner_id BINARY(16) NOT NULL,
    used_on  BIGINT     NOT NULL,
    bytes    BIGINT     NOT NULL,
    files    INT        NOT NULL,
    PRIMARY KEY (owner_id, used_on)
);
