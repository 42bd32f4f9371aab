// Checks a log with the libraries of Go's checksum database, and nothing of ours.
//
//	check URL VKEY [OLD-SIZE OLD-ROOT]
//
// The note is signed by the key; every entry there is in the tree, by tiles that the reader checks
// against the signed root; and the old tree, where it is given, is a prefix of this one.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(what string, err error) {
	if err != nil {
		fmt.Printf("FAILED %s: %v\n", what, err)
		os.Exit(1)
	}
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func hash(text string) (tlog.Hash, error) {
	var found tlog.Hash
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(raw) != len(found) {
		err = fmt.Errorf("a hash of %d bytes", len(raw))
	}
	copy(found[:], raw)
	return found, err
}

// The log's tiles; this library writes their height into the path, the specification does not.
type tiles struct{ url string }

func (tiles) Height() int { return 8 }

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := get(t.url + "/tile/" + strings.TrimPrefix(tile.Path(), "tile/8/"))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func entries(url string, size int64) ([][]byte, error) {
	var found [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := 256
		if size-n*256 < 256 {
			width = int(size - n*256)
		}
		path := tlog.Tile{H: 8, L: 0, N: n, W: width}.Path()
		data, err := get(url + "/tile/entries/" + strings.TrimPrefix(path, "tile/8/0/"))
		if err != nil {
			return nil, err
		}
		for len(data) >= 2 {
			length := int(binary.BigEndian.Uint16(data))
			if len(data) < 2+length {
				return nil, fmt.Errorf("a bundle ends early")
			}
			found = append(found, data[2:2+length])
			data = data[2+length:]
		}
	}
	if int64(len(found)) != size {
		return nil, fmt.Errorf("%d entries of %d", len(found), size)
	}
	return found, nil
}

func main() {
	url, vkey := os.Args[1], os.Args[2]
	verifier, err := note.NewVerifier(vkey)
	fail("key", err)
	raw, err := get(url + "/checkpoint")
	fail("checkpoint", err)
	opened, err := note.Open(raw, note.VerifierList(verifier))
	fail("note", err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("checkpoint", fmt.Errorf("of another log"))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	fail("checkpoint", err)
	root, err := hash(lines[2])
	fail("checkpoint", err)

	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{url})
	leaves, err := entries(url, size)
	fail("entries", err)
	for index, leaf := range leaves {
		proof, err := tlog.ProveRecord(size, int64(index), reader)
		fail("tiles", err)
		fail(fmt.Sprintf("entry %d", index),
			tlog.CheckRecord(proof, size, root, int64(index), tlog.RecordHash(leaf)))
	}
	if len(os.Args) > 4 {
		oldSize, err := strconv.ParseInt(os.Args[3], 10, 64)
		fail("old size", err)
		oldRoot, err := hash(os.Args[4])
		fail("old root", err)
		proof, err := tlog.ProveTree(size, oldSize, reader)
		fail("tiles", err)
		fail("consistency", tlog.CheckTree(proof, size, root, oldSize, oldRoot))
	}
	fmt.Printf("OK %d %s signatures %d unknown %d\n",
		size, lines[2], len(opened.Sigs), len(opened.UnverifiedSigs))
}
