// Renders templates with Go's text/template and sprig, as the sealed-secrets controller does.
//
// Standard input is lines of JSON: {"template":base64,"data":{key:base64}}. For each of them one line of JSON goes to
// standard output: {"ok":true,"out":base64} or {"ok":false,"error":"…"}.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"text/template"

	"github.com/Masterminds/sprig"
)

type question struct {
	Template []byte            `json:"template"`
	Data     map[string][]byte `json:"data"`
}

type answer struct {
	OK    bool   `json:"ok"`
	Out   []byte `json:"out"`
	Error string `json:"error,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := out.Encode(render(q)); err != nil {
			panic(err)
		}
	}
	if err := in.Err(); err != nil {
		panic(err)
	}
}

func render(q question) answer {
	functions := sprig.GenericFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	parsed, err := template.New("key").Funcs(template.FuncMap(functions)).Parse(string(q.Template))
	if err != nil {
		return answer{Error: err.Error()}
	}
	data := map[string]string{}
	for key, value := range q.Data {
		data[key] = string(value)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{OK: true, Out: out.Bytes()}
}
