// SPDX-License-Identifier: Apache-2.0

package component

// Folders of a pod.
const (
	// BindingRoot is the value of EnvBindingRoot in pods: a folder per dependency, a file per entry.
	BindingRoot = "/etc/parley/bindings"
	// KeysDir is the value of EnvKeysDir in pods.
	KeysDir = "/etc/parley/keys"
)

// Dependency is a store or provider, as the folder of its binding and in status.
type Dependency string

// The dependencies that components read.
const (
	MySQL    Dependency = "mysql"
	RabbitMQ Dependency = "rabbitmq"
	SMS      Dependency = "sms" // who sends codes
	// Elasticsearch is the index of texts: of messages, and of nicknames.
	Elasticsearch Dependency = "elasticsearch"
	// ObjectStore keeps the bytes of files.
	ObjectStore Dependency = "objectstore"
	// SpeechProvider turns voice to text.
	SpeechProvider Dependency = "speech"
)

// Dependencies that components read, in the order of the spec.
func Dependencies() []Dependency {
	return []Dependency{MySQL, RabbitMQ, Elasticsearch, ObjectStore, SMS, SpeechProvider}
}

// Entries of a binding, with the well-known names of the Service Binding specification where it has
// one. The names are also those of the files.
const (
	EntryType        = "type"
	EntryHost        = "host"
	EntryPort        = "port"
	EntryUsername    = "username"
	EntryPassword    = "password"
	EntryURI         = "uri"
	EntryVirtualHost = "virtual-host"
	EntryCA          = "ca.crt"
	EntryCertificate = "certificates" // chain of the client
	EntryPrivateKey  = "private-key"  // of the client
	EntryAPIKey      = "api-key"      // of Elasticsearch, instead of username and password
	// What providers of codes need; the uri is that of a webhook.
	EntryAccessKeyID        = "access-key-id"
	EntryAccessKeySecret    = "access-key-secret" //nolint:gosec // the name of an entry
	EntrySigningKey         = "signing-key"
	EntryPreviousSigningKey = "previous-signing-key"
	// What an object store needs beside access-key-id; its uri is the endpoint.
	EntrySecretAccessKey = "secret-access-key"
	EntrySessionToken    = "session-token"
	EntryBucket          = "bucket"
	EntryRegion          = "region"
	// EntrySecretKey goes with api-key at some providers of speech.
	EntrySecretKey = "secret-key"
	// MigrationPrefix stands before the username and password with which the Job changes schemas.
	MigrationPrefix = "migration-"
)

// Migrate is the Job that changes the schemas.
const Migrate Name = "migrate"

// Doctor is the Job of `kubectl parley doctor`, which runs with the settings and bindings of message. It is
// no reader of its own.
const Doctor Name = "doctor"

// Reindex is the Job that fills the search indices anew. It reads what user and message read of the database and the
// index.
const Reindex Name = "reindex"

// Jobs lists what the operator runs to an end; in tables of readers they stand beside the components.
func Jobs() []Name { return []Name{Migrate, Reindex} }

// Owners lists the components that own a schema: <prefix>_<name>.
func Owners() []Name { return []Name{User, Friend, File, Message} }

// Readers lists who reads the binding of a dependency.
func Readers(d Dependency) []Name {
	switch d {
	case MySQL:
		return []Name{User, Friend, File, Message, Migrate, Reindex}
	case RabbitMQ:
		return []Name{Gateway, User, Friend, Message, Transmit, Speech}
	case Elasticsearch:
		return []Name{User, Message, Reindex}
	case ObjectStore:
		return []Name{File}
	case SMS:
		return []Name{User}
	case SpeechProvider:
		return []Name{Speech}
	default:
		return nil
	}
}

// UserPrefix stands before the username and password in a binding that are a component's own.
func UserPrefix(name Name) string {
	if name == Migrate {
		return MigrationPrefix
	}
	return string(name) + "-"
}

// Entries lists the entries of d's binding that component reads, in a fixed order; an entry that the
// Secret lacks is left out of the pod. A component's own username and password, and those of the Job,
// come before the common ones.
func Entries(d Dependency, name Name) []string {
	common := []string{EntryType, EntryHost, EntryPort, EntryURI, EntryUsername, EntryPassword, EntryCA, EntryCertificate, EntryPrivateKey}
	switch d {
	case SMS:
		return []string{EntryType, EntryAccessKeyID, EntryAccessKeySecret, EntryURI, EntrySigningKey, EntryPreviousSigningKey}
	case ObjectStore:
		return []string{
			EntryType, EntryURI, EntryBucket, EntryRegion, EntryAccessKeyID, EntrySecretAccessKey, EntrySessionToken, EntryCA,
		}
	case SpeechProvider:
		return []string{EntryType, EntryAPIKey, EntrySecretKey, EntryCA}
	case Elasticsearch:
		return []string{EntryType, EntryHost, EntryPort, EntryURI, EntryUsername, EntryPassword, EntryAPIKey, EntryCA}
	case RabbitMQ:
		return append(common, EntryVirtualHost)
	default:
		for _, user := range databaseUsers(name) {
			common = append(common, UserPrefix(user)+EntryUsername, UserPrefix(user)+EntryPassword)
		}
		return common
	}
}

// databaseUsers lists whose users of the database a component or a Job is.
func databaseUsers(name Name) []Name {
	if name == Reindex {
		return []Name{User, Message}
	}
	return []Name{name}
}
