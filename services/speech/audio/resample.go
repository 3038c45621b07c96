// SPDX-License-Identifier: Apache-2.0

package audio

import (
	"encoding/binary"
	"math"

	"github.com/parley-chat/parley/services/speech"
)

const (
	// halfTaps is how many zero crossings of the low-pass lie on each side; chosen: enough that what is above
	// the band does not fold into speech.
	halfTaps = 12
	// steps of the table of the low-pass between two zero crossings.
	steps = 256
	// pass is the part of the band that stays.
	pass = 0.95
)

// resample changes the rate to speech.SampleRate with a windowed sinc.
func resample(in []float32, rate int) speech.PCM {
	if rate == speech.SampleRate {
		return quantize(in)
	}
	ratio := float64(speech.SampleRate) / float64(rate)
	cutoff := math.Min(1, ratio) * pass // of the band of the input
	table := lowPass()
	reach := float64(halfTaps) / cutoff
	out := make([]float32, int(float64(len(in))*ratio))
	for i := range out {
		at := float64(i) / ratio
		first, last := max(int(math.Ceil(at-reach)), 0), min(int(math.Floor(at+reach)), len(in)-1)
		var sum, weight float64
		for k := first; k <= last; k++ {
			w := table[int(math.Abs(float64(k)-at)*cutoff*steps)]
			sum += float64(in[k]) * w
			weight += w
		}
		if weight > 0 {
			out[i] = float32(sum / weight)
		}
	}
	return quantize(out)
}

// lowPass is half of a sinc under a Hann window.
func lowPass() []float64 {
	table := make([]float64, halfTaps*steps+2)
	for i := range table {
		x := float64(i) / steps
		if x >= halfTaps {
			continue
		}
		sinc := 1.0
		if x > 0 {
			sinc = math.Sin(math.Pi*x) / (math.Pi * x)
		}
		table[i] = sinc * (0.5 + 0.5*math.Cos(math.Pi*x/halfTaps))
	}
	return table
}

func quantize(in []float32) speech.PCM {
	out := make(speech.PCM, 0, 2*len(in))
	for _, v := range in {
		scaled := math.Round(float64(v) * (1<<15 - 1))
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(max(-1<<15, min(1<<15-1, scaled))))) //nolint:gosec // samples are signed
	}
	return out
}
