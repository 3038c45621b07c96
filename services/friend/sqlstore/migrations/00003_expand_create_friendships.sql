-- +goose Up
CREATE TABLE friendships (
    user_id         BINARY(16) NOT NULL,
    friend_id       BINARY(16) NOT NULL,
    since           BIGINT     NOT NULL,
    conversation_id BINARY(16),
    PRIMARY KEY (user_id, friend_id)
);
