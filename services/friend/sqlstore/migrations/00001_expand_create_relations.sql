-- +goose Up
CREATE TABLE relations (
    low_id          BINARY(16) NOT NULL,
    high_id         BINARY(16) NOT NULL,
    version         BIGINT     NOT NULL,
    friends         SMALLINT   NOT NULL,
    since           BIGINT     NOT NULL,
    conversation_id BINARY(16),
    pending_since   BIGINT     NOT NULL,
    PRIMARY KEY (low_id, high_id)
);
