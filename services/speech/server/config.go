// SPDX-License-Identifier: Apache-2.0

// Package server wires the speech service and runs it.
//
// Run stays up whatever is down: without its provider, or without the file and message services, voice
// messages wait in their queue and dictations are answered with SPEECH_UNAVAILABLE.
package server

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/process"
	"github.com/parley-chat/parley/services/internal/secret"
	"github.com/parley-chat/parley/services/internal/telemetry"
	"github.com/parley-chat/parley/services/speech"
)

// Providers of speech.
const (
	ProviderNone         = ""             // recordings are not read
	ProviderBaidu        = "Baidu"        //
	ProviderOpenAI       = "OpenAI"       // any server with the same address
	ProviderPocketSphinx = "PocketSphinx" // offline, English only
)

// Bounds of settings.
const (
	minDuration = 5 * time.Second
	maxDuration = 5 * time.Minute
)

// Config of the speech service, from the environment.
type Config struct {
	// LogLevel is debug, info, warn or error.
	LogLevel string `env:"PARLEY_LOG_LEVEL" envDefault:"info"`
	// RPCListen serves other components.
	RPCListen string `env:"PARLEY_RPC_LISTEN" envDefault:":8081"`
	// OpsListen serves probes and metrics; empty: nothing listens, unless Parts.Ops does.
	OpsListen string `env:"PARLEY_OPS_LISTEN" envDefault:":9090"`
	// KeysDir holds the keys of Parley-Identity.
	KeysDir string `env:"PARLEY_KEYS_DIR" envDefault:"/etc/parley/keys"`
	// AMQPURL is the address of RabbitMQ with vhost; not needed where Parts.Broker is given.
	AMQPURL secret.String `env:"PARLEY_RABBITMQ_URL"`
	// Namespace of the pod; where it is set, a stop waits until callers know.
	Namespace string `env:"PARLEY_NAMESPACE"`
	// PodName tells the provider our processes apart.
	PodName string `env:"PARLEY_POD_NAME" envDefault:"speech-0"`
	// MessageURL and FileURL are the base addresses of the components.
	MessageURL string `env:"PARLEY_UPSTREAM_MESSAGE_URL"`
	FileURL    string `env:"PARLEY_UPSTREAM_FILE_URL"`

	// Provider is Baidu, OpenAI, PocketSphinx, or empty: then recordings are not read.
	Provider string `env:"PARLEY_SPEECH_PROVIDER"`
	// URL of the provider: for OpenAI what stands before /v1, for Baidu another address than its own.
	URL string `env:"PARLEY_SPEECH_URL"`
	// Model of OpenAI, or dev_pid of Baidu; empty: the default.
	Model string `env:"PARLEY_SPEECH_MODEL"`
	// Language that is likely spoken, a BCP 47 tag; empty: the provider finds out, or its default.
	Language string `env:"PARLEY_SPEECH_LANGUAGE"`
	// APIKey and SecretKey of Baidu; OpenAI needs none, or APIKey.
	APIKey    secret.String `env:"PARLEY_SPEECH_API_KEY"`
	SecretKey secret.String `env:"PARLEY_SPEECH_SECRET_KEY"`
	// CAFile is a file of certificates in PEM to trust; empty: the system's.
	CAFile string `env:"PARLEY_SPEECH_CA_FILE"`
	// PocketSphinx and FFmpeg are programs; empty: as installed.
	PocketSphinx string `env:"PARLEY_SPEECH_POCKETSPHINX"`
	FFmpeg       string `env:"PARLEY_SPEECH_FFMPEG"`

	// MaxDuration of a voice message that is read.
	MaxDuration time.Duration `env:"PARLEY_SPEECH_MAX_DURATION" envDefault:"5m"`
	// Concurrency is how many voice messages are read at once.
	Concurrency int `env:"PARLEY_SPEECH_CONCURRENCY" envDefault:"2"`
	// DailyMinutes are what this process reads in a day, UserDailyMinutes for one person who dictates; 0: no bound.
	DailyMinutes     int `env:"PARLEY_SPEECH_DAILY_MINUTES" envDefault:"600"`
	UserDailyMinutes int `env:"PARLEY_SPEECH_USER_DAILY_MINUTES" envDefault:"30"`
}

// Load reads a configuration from environment variables and checks it.
func Load(environ map[string]string) (Config, error) {
	return process.LoadConfigOf[Config](environ, component.Speech)
}

// Validate tells all that is wrong, at once. A value that Parts may give instead may be empty.
func (c Config) Validate() error {
	var problems []error
	need := func(good bool, text string) {
		if !good {
			problems = append(problems, errors.New(text))
		}
	}
	need(slices.Contains([]string{ProviderNone, ProviderBaidu, ProviderOpenAI, ProviderPocketSphinx}, c.Provider),
		"PARLEY_SPEECH_PROVIDER must be Baidu, OpenAI, PocketSphinx or empty")
	need(c.Provider != ProviderBaidu || !c.APIKey.IsZero(), "PARLEY_SPEECH_API_KEY must be set for the provider Baidu")
	need(c.Provider != ProviderOpenAI || c.URL != "", "PARLEY_SPEECH_URL must be set for the provider OpenAI")
	need(isAddress(c.URL, "http", "https"), "PARLEY_SPEECH_URL must be an http URL with a host, and without user and query")
	need(c.Provider != ProviderBaidu || isAddress(c.URL, "https"), "PARLEY_SPEECH_URL must begin with https:// for the provider Baidu")
	for key, text := range map[string]string{"PARLEY_UPSTREAM_MESSAGE_URL": c.MessageURL, "PARLEY_UPSTREAM_FILE_URL": c.FileURL} {
		need(isAddress(text, "http", "https"), key+" must be an http URL with a host")
	}
	need(c.Language == "" || speech.IsLanguage(c.Language), "PARLEY_SPEECH_LANGUAGE must be a tag like en or zh-CN")
	need(c.MaxDuration >= minDuration && c.MaxDuration <= maxDuration, "PARLEY_SPEECH_MAX_DURATION must be from 5s to 5m")
	need(c.Concurrency >= 1 && c.Concurrency <= 64, "PARLEY_SPEECH_CONCURRENCY must be from 1 to 64")
	need(c.DailyMinutes >= 0 && c.UserDailyMinutes >= 0, "PARLEY_SPEECH_DAILY_MINUTES and PARLEY_SPEECH_USER_DAILY_MINUTES must not be negative")
	if _, err := telemetry.ParseLevel(c.LogLevel); err != nil {
		problems = append(problems, fmt.Errorf("PARLEY_LOG_LEVEL: %w", err))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

// isAddress tells a base address of one of some schemes; an empty one is none and no mistake.
func isAddress(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && slices.Contains(schemes, u.Scheme)
}

func (c Config) process() process.Settings {
	return process.Settings{
		Component: component.Speech, LogLevel: c.LogLevel, RPCListen: c.RPCListen, OpsListen: c.OpsListen,
		KeysDir: c.KeysDir, AMQPURL: c.AMQPURL, Namespace: c.Namespace,
	}
}

func (c Config) options() speech.Options {
	return speech.Options{
		MaxDuration: c.MaxDuration, Parallel: dictations, Language: c.Language,
		Daily: time.Duration(c.DailyMinutes) * time.Minute, UserDaily: time.Duration(c.UserDailyMinutes) * time.Minute,
	}
}
