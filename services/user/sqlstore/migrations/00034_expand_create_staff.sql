-- +goose Up
CREATE TABLE staff (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    role    SMALLINT   NOT NULL
);
