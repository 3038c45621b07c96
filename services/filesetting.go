// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/parley-chat/parley/api/component"

// meaningOfFile goes on for what files need.
func meaningOfFile(variable string) string {
	switch variable {
	case component.EnvTranscripts:
		return "true where voice messages become text"
	case component.EnvFilesOrigin:
		return "separate origin of files, like https://files.example.org; empty: that of the chat"
	case component.EnvFileMaxBytes:
		return "most bytes of one file"
	case component.EnvFileMaxImageBytes:
		return "most bytes of one picture"
	case component.EnvFileDailyBytes:
		return "most bytes that one person uploads in a day"
	case component.EnvFileDir:
		return "folder for files where no object store is"
	default:
		return ""
	}
}
