-- +goose Up
CREATE TABLE people (
    user_id BINARY(16) NOT NULL PRIMARY KEY
);
