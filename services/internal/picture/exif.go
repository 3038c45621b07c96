// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"bytes"
	"encoding/binary"
)

// Exif: the one entry that matters here, and how many are looked at.
const (
	exifOrientation = 0x0112
	exifShort       = 3
	maxExifEntries  = 512
	maxExifBytes    = 64 << 10 // of a segment of JPEG; other formats take more, and mean nothing by it
)

// orientation reads how to turn a picture: 1 to 8 as of Exif, 1 if nothing sensible is said. The data begin
// with the header of TIFF, or with the mark that JPEG puts before it.
func orientation(exif []byte) int {
	exif = bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(exif[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(exif[4:]))
	if at+2 > uint64(len(exif)) {
		return 1
	}
	entries := exif[at+2:]
	for range min(int(order.Uint16(exif[at:])), maxExifEntries, len(entries)/12) {
		if order.Uint16(entries) == exifOrientation && order.Uint16(entries[2:]) == exifShort {
			if value := int(order.Uint16(entries[8:])); value >= 1 && value <= 8 {
				return value
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
