// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/parley-chat/parley/api/component"

// meaningOfSpeech goes on for who reads recordings.
func meaningOfSpeech(variable string) string {
	switch variable {
	case component.EnvSpeechProvider:
		return "who reads recordings: Baidu, OpenAI (any server with its address), PocketSphinx, or empty for nobody"
	case component.EnvSpeechURL:
		return "OpenAI: what stands before /v1/audio/transcriptions; Baidu: another address than its own"
	case component.EnvSpeechModel:
		return "OpenAI: the model; Baidu: the dev_pid; empty: the default"
	case component.EnvSpeechLanguage:
		return "what is likely spoken, like en or zh-CN; empty: the provider finds out"
	case component.EnvSpeechMaxDuration:
		return "longest voice message that is read, 5s to 5m"
	case component.EnvSpeechAPIKey, component.EnvSpeechSecretKey:
		return "the provider's keys; Baidu takes both, or the first alone; OpenAI the first, or none"
	case component.EnvSpeechCA:
		return "file of certificates in PEM to trust; empty: the system's"
	case component.EnvSpeechPocketSphinx, component.EnvSpeechFFmpeg:
		return "a program; empty: as it is installed"
	case component.EnvSpeechConcurrency:
		return "voice messages that are read at once"
	case component.EnvSpeechDailyMinutes:
		return "minutes of speech that this process reads in a day; 0: no bound"
	case component.EnvSpeechUserDailyMinutes:
		return "minutes of dictation of one user in a day, in this process; 0: no bound"
	default:
		return meaningOfFile(variable)
	}
}
