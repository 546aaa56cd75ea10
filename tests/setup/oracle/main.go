// Answers how go-yaml v3 reads a source, and which tree SOPS builds from it.
//
// Standard input is a row of inputs, each a big-endian 32-bit length and that many bytes. For each of them one line of
// JSON goes to standard output:
//
//	{"ok":false,"error":"…"}
//	{"ok":true,"docs":[[leaf,…],…]}
//
// A leaf is {"p":path,"t":type,"v":base64}. Path elements are strings (keys), numbers (list indices, comments not
// counted) or {"k":tag,"v":base64} for a key that is no string. A comment carries the path of its container. Types are
// str int uint float bool null time bytes comment, map and seq (only where empty) and alias (not expanded).
//
// A source is accepted when every document decodes to nodes and every node decodes to plain values: duplicate keys and
// impossible tags are refused only by the second.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

type leaf struct {
	Path  []interface{} `json:"p"`
	Type  string        `json:"t"`
	Value string        `json:"v"`
}

type oddKey struct {
	Tag   string `json:"k"`
	Value string `json:"v"`
}

type answer struct {
	OK    bool     `json:"ok"`
	Error string   `json:"error,omitempty"`
	Docs  [][]leaf `json:"docs"`
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for {
		source, err := readInput(in)
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(1)
		}
		line, err := json.Marshal(ask(source))
		if err != nil {
			fmt.Fprintln(os.Stderr, "oracle:", err)
			os.Exit(1)
		}
		out.Write(line)
		out.WriteByte('\n')
		// Flushed line by line: the other side may wait for this answer before it sends more.
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}

func readInput(in *bufio.Reader) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, err
	}
	source := make([]byte, binary.BigEndian.Uint32(header[:]))
	if _, err := io.ReadFull(in, source); err != nil {
		return nil, fmt.Errorf("input cut short: %w", err)
	}
	return source, nil
}

func ask(source []byte) (result answer) {
	defer func() {
		// go-yaml has inputs on which it panics; for a user of SOPS that is a refusal too.
		if problem := recover(); problem != nil {
			result = answer{Error: fmt.Sprint("panic: ", problem)}
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	docs := [][]leaf{}
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if err == io.EOF {
			return answer{OK: true, Docs: docs}
		}
		if err != nil {
			return answer{Error: err.Error()}
		}
		var value interface{}
		if err := node.Decode(&value); err != nil {
			return answer{Error: err.Error()}
		}
		walk := walker{leaves: []leaf{}}
		walk.document(&node)
		docs = append(docs, walk.leaves)
	}
}

type walker struct {
	leaves []leaf
}

func (w *walker) emit(path []interface{}, kind, value string) {
	// Copied: the caller goes on to append to the same array.
	own := append([]interface{}{}, path...)
	w.leaves = append(w.leaves, leaf{own, kind, base64.StdEncoding.EncodeToString([]byte(value))})
}

func (w *walker) comments(path []interface{}, texts ...string) {
	for _, text := range texts {
		for _, line := range strings.Split(text, "\n") {
			if line != "" {
				w.emit(path, "comment", line[1:])
			}
		}
	}
}

func (w *walker) document(document *yaml.Node) {
	w.comments(nil, document.HeadComment, document.LineComment)
	for _, root := range document.Content {
		if root.Kind == yaml.MappingNode || root.Kind == yaml.SequenceNode {
			w.value(root, nil, false)
		} else {
			w.comments(nil, root.HeadComment, root.LineComment)
			w.value(root, nil, true)
			w.comments(nil, root.FootComment)
		}
	}
	w.comments(nil, document.FootComment)
}

// value emits what SOPS makes of a node. With commentsHandled, the container has placed the node's own comments.
func (w *walker) value(node *yaml.Node, path []interface{}, commentsHandled bool) {
	switch node.Kind {
	case yaml.ScalarNode:
		w.scalar(node, path)
	case yaml.AliasNode:
		w.emit(path, "alias", "")
	case yaml.MappingNode, yaml.SequenceNode:
		if len(node.Content) == 0 {
			if node.Kind == yaml.MappingNode {
				w.emit(path, "map", "")
			} else {
				w.emit(path, "seq", "")
			}
		}
		if !commentsHandled {
			w.comments(path, node.HeadComment, node.LineComment)
		}
		if node.Kind == yaml.MappingNode {
			w.entries(node, path)
		} else {
			w.items(node, path)
		}
		if !commentsHandled {
			w.comments(path, node.FootComment)
		}
	}
}

func (w *walker) entries(mapping *yaml.Node, path []interface{}) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		below := append(append([]interface{}{}, path...), keyElement(key))
		w.comments(path, key.HeadComment, key.LineComment)
		beside := value.Kind == yaml.ScalarNode || value.Kind == yaml.AliasNode
		if beside {
			w.comments(path, value.HeadComment, value.LineComment)
		}
		w.value(value, below, beside)
		if beside {
			w.comments(path, value.FootComment)
		}
		w.comments(path, key.FootComment)
	}
}

func (w *walker) items(sequence *yaml.Node, path []interface{}) {
	for i, item := range sequence.Content {
		below := append(append([]interface{}{}, path...), i)
		w.comments(path, item.HeadComment, item.LineComment)
		w.value(item, below, true)
		w.comments(path, item.FootComment)
	}
}

func keyElement(key *yaml.Node) interface{} {
	var value interface{}
	// Cannot fail: the whole document was decoded before.
	_ = key.Decode(&value)
	if text, ok := value.(string); ok && utf8.ValidString(text) {
		return text
	}
	scalar := key
	for scalar.Kind == yaml.AliasNode {
		scalar = scalar.Alias
	}
	return oddKey{key.ShortTag(), base64.StdEncoding.EncodeToString([]byte(scalar.Value))}
}

func (w *walker) scalar(node *yaml.Node, path []interface{}) {
	var value interface{}
	if err := node.Decode(&value); err != nil {
		panic(err)
	}
	switch value := value.(type) {
	case nil:
		w.emit(path, "null", "")
	case bool:
		if value {
			w.emit(path, "bool", "True")
		} else {
			w.emit(path, "bool", "False")
		}
	case int:
		w.emit(path, "int", strconv.Itoa(value))
	case int64:
		w.emit(path, "int", strconv.FormatInt(value, 10))
	case uint64:
		w.emit(path, "uint", strconv.FormatUint(value, 10))
	case float64:
		w.emit(path, "float", strconv.FormatFloat(value, 'g', -1, 64))
	case time.Time:
		w.emit(path, "time", value.Format(time.RFC3339Nano))
	case string:
		if utf8.ValidString(value) {
			w.emit(path, "str", value)
		} else {
			w.emit(path, "bytes", value)
		}
	default:
		panic(fmt.Sprintf("scalar of type %T", value))
	}
}
