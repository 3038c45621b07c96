// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/certificate"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/provider"
	"github.com/parley-chat/parley/services/speech"
	"github.com/parley-chat/parley/services/speech/baiduspeech"
	"github.com/parley-chat/parley/services/speech/openaispeech"
	"github.com/parley-chat/parley/services/speech/pocketsphinx"
)

const (
	// dictations are read for so many people at once; as many more may wait with theirs in memory.
	dictations = 4
	// defaultModel of servers like OpenAI's.
	defaultModel = "whisper-1"
	// How long a provider may take to connect, and to begin its answer; the service has tighter deadlines.
	connectTimeout = 2 * time.Second
	answerTimeout  = 5 * time.Minute
	idleTimeout    = 30 * time.Second
	maxHeaderBytes = 16 << 10
)

// InstalledPocketSphinx tells whether the provider PocketSphinx can be used here.
func InstalledPocketSphinx() bool { return pocketsphinx.Find("") != "" }

// provider is nil where recordings are not read. It fails with a NotInstalledError where its program is not there.
func (c Config) provider() (speech.Provider, error) {
	switch c.Provider {
	case ProviderBaidu:
		client, err := newClient(c.CAFile)
		return baiduspeech.New(baiduspeech.Options{
			URL: c.URL, APIKey: c.APIKey, SecretKey: c.SecretKey, Model: c.Model,
			ClientID: ids.NewInstance().String(), Client: client, Now: time.Now,
		}), err
	case ProviderOpenAI:
		client, err := newClient(c.CAFile)
		model := c.Model
		if model == "" {
			model = defaultModel
		}
		return openaispeech.New(openaispeech.Options{BaseURL: c.URL, Model: model, APIKey: c.APIKey, Client: client}), err
	case ProviderPocketSphinx:
		path := pocketsphinx.Find(c.PocketSphinx)
		if path == "" {
			return nil, &NotInstalledError{Packages: "pocketsphinx and pocketsphinx-en-us", Setting: component.EnvSpeechPocketSphinx, Without: "no recording is read"}
		}
		return pocketsphinx.New(path, c.Concurrency), nil
	default:
		return nil, nil //nolint:nilnil // nobody reads, and that is no mistake
	}
}

func newClient(caFile string) (*http.Client, error) {
	trusted, err := certificate.Files{Mode: certificate.VerifyFull, CA: caFile}.Config("")
	if err != nil {
		return nil, fmt.Errorf("PARLEY_SPEECH_CA_FILE: %w", err)
	}
	return provider.NewClient(trusted, provider.Limits{
		Connect: connectTimeout, Answer: answerTimeout, Idle: idleTimeout, Header: maxHeaderBytes,
	}), nil
}
