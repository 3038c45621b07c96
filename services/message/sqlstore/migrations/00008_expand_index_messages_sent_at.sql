-- +goose Up
CREATE INDEX messages_conversation_id_sent_at ON messages (conversation_id, sent_at);
