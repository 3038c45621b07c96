// SPDX-License-Identifier: Apache-2.0

// Package speech turns what was spoken into text, through a provider.
//
// It owns nothing on disk. Recognize answers a person who dictates; Transcribe works on voice messages of
// the queue speech.requests, whose text goes to the message service, which keeps the first final one of each
// request. Recordings become 16 kHz, mono, 16 bit in pieces below the provider's limit, unless only the
// provider can read them. A provider that fails is tried five times, and left alone for a while when it
// fails everybody. Budgets of a day are counted in each process for itself: with n pods the bounds are n
// times as high.
package speech
