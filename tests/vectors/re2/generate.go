// Prints table.json: what Go's regexp package, which SOPS selects keys with, says of many patterns.
//
//	go run generate.go > table.json
//
// The patterns are those below and 1,500 random ones made of their pieces; the sequence is always the same.
package main

import (
	"encoding/json"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// Texts to match: keys as they occur, and characters on which dialects differ.
var subjects = []string{
	"", "a", "b", "A", "aa", "ab", "abc", "aB", "AB", "ba", "0", "7", "10", "_", "-", ".", "$", "^", " ", "\t", "\n", "\v", "\f", "\r",
	"a b", "a\nb", "a\n", "\na", "a.b", "a-b", "a_b", "[", "]", "[a]", "{", "}", "a{2}", "a{,2}", "{}", "(", ")", "|", "\\", "\\d",
	"&&", "--", "~~", "a&&b", "#", "*", "+", "?", "/", "'", "\"", ":", "[:alpha:]", "=", "!", "<", "a+", "a*",
	"data", "stringData", "Data", "metadata", "password", "PASSWORD", "db_password", "password_unencrypted", "apiKey", "x-api-key",
	"é", "É", "aéb", "ä", "ß", "ſ", "s", "S", "K", "k", "K", "٣", "Ⅷ", "д", "Д", "世界", "λ", "Λ", "ς", "\u00a0", "\u2028", "😀", "a😀", "e\u0301",
	"\x00", "\x07", "\x1f", "\x7f", "\u0080", "\u0085",
}

var patterns = []string{
	// What rules look like.
	`^(data|stringData)$`, `^data$`, `password`, `(?i)password`, `.*_unencrypted$`, `^(?:api|db)[-_]?key$`, `(?i)^x-`, `^.*$`, `^$`, ``,
	`^(password|token|.*[Kk]ey)$`, `secret.*`, `\bpassword\b`, `^[^_]`, `^_`, `[^n]crypted`,
	// Classes that are ASCII in Go.
	`\d`, `\D`, `\s`, `\S`, `\w`, `\W`, `^\d+$`, `^\D+$`, `^\s+$`, `^\S+$`, `^\w+$`, `^\W+$`, `[\d]`, `[\D]`, `[\s]`, `[^\s]`, `[\w-]`, `[^\W]`,
	`[\d\s]`, `[^\d\s]`, `[\D\d]`, `(?i)\w`, `(?i)\W`, `(?i)[\w]`, `(?i)[\W]`, `(?i)^[^\w]$`, `(?i)^[^\W]$`, `(?i)^\w$`, `(?i)^\W$`,
	`\b`, `\B`, `\ba`, `a\b`, `a\B`, `\Ba`, `\bé`, `é\b`, `\Bé`, `é\B`, `^\B`, `\B$`, `\B\B`, `\b\b`, `\b\B`, `^\b`, `\b$`, `a\bé`, `a\Bé`, `\b+`, `\B*a`,
	`\B.`, `.\B.`, `^\B.\B$`, `(\B|x)`, `\b.\b`,
	// Anchors.
	`^`, `$`, `\A`, `\z`, `\Z`, `\G`, `\Aa`, `a\z`, `a$`, `^a`, `(?m)^a`, `(?m)a$`, `(?m)^b$`, `(?m)^$`, `(?m)$`, `(?-m)^b`, `\Aa\z`, `a^`, `$a`,
	`(?m)a$\nb`, `^*`, `$+`, `(^)*a`, `^^a$$`, `(?m:^b)`, `(?m:^)b`, `(?m)\Ab`, `(?m)a\z`,
	// The dot.
	`.`, `^.$`, `(?s).`, `(?s)^.$`, `a.b`, `(?s)a.b`, `(?s:a.b)`, `(?s)a(?-s).b`, `.\n`, `^..$`, `^.{2}$`,
	// Braces.
	`{`, `}`, `{}`, `a{`, `a{}`, `a{1`, `a{,2}`, `a{2}`, `^a{2}$`, `a{2,}`, `^a{1,2}$`, `a{0}`, `a{0,0}b`, `a{2,1}`, `a{1001}`, `a{1000}`, `a{0,1001}`,
	`a{1,1000}`, `a{01}`, `a{1,02}`, `a{ 2}`, `a{2 }`, `a{-1}`, `a{1,2,3}`, `a{99999999999}`, `a{1,99999999999}`, `a{}b`, `{2}`, `x{2}{3}`, `a{x}`, `a{,}`,
	`a{2}?`, `a{2}*`, `a{2}+`, `a{2}??`, `(a{10}){100}`, `(a{10}){101}`, `(a{1000}){2}`, `((a{10}){10}){10}`, `((a{10}){10}){11}`, `(a{0}){1000}`,
	`(a{0,}){1000}`, `(a{2,}){500}`, `(a{2,}){501}`, `(a{500}|b){2}`, `(a{501}|b){2}`, `(b|a{501}){2}`, `(a{501}b){2}`, `((a{501})){2}`, `(a{501}){1}`,
	`(a{501}){0,1}`, `(a{501})*`, `(a{501}?){2}`, `((a{501})*){2}`, `((a{600}){0}){2}`, `(?:a{600}){0}`, `(a{1000}){0}`, `((a{1000}){0}){1000}`,
	`(?i:a{501}){2}`, `(a{501}(?i)){2}`, `\{2}`, `a\{2}`, `[{]`, `a{2}b{2}`,
	// Repetition.
	`*`, `+`, `?`, `a**`, `a*+`, `a++`, `a+*`, `a??`, `a???`, `a*?`, `a+?`, `a?*`, `(*a)`, `(a|*)`, `a|*b`, `(?i)*`, `a(?i)*`, `a(?i)+b`, `a*(?i)*`, `(?:)*`, `()*`, `(a*)*`,
	`(a*)+`, `(|a)*`, `(a|)+b`, `|a`, `a|`, `a||b`, `(|)`, `()`, `a+b`, `a*b`, `a?b`, `(?i:a)*`, `(?i)`, `(?i)+`, `^?a`, `\Q\E*`, `a\Q\E*`, `a*\Q\E*`,
	// Groups and flags.
	`(`, `)`, `(a`, `a)`, `(a))`, `((a)`, `(?:a)`, `(?:a`, `(?a)`, `(?`, `(?:`, `(?i`, `(?i:`, `(?P<n>a)`, `(?P<n>a)(?P<n>b)`, `(?P<n>a)(?P<m>b)`, `(?P<>a)`, `(?P<n-m>a)`,
	`(?P<n`, `(?P<1>a)`, `(?P<é>a)`, `(?P=n)`, `(?P>n)`, `(?Pa)`, `(?P<n>`, `(?=a)`, `(?!a)`, `(?<=a)`, `(?<!a)`, `(?>a)`, `(?#c)`, `(?'n'a)`, `(?|a)`, `(?)a`, `(?-)a`, `(?i-)a`,
	`(?-i)A`, `(?--i)a`, `(?i-i)A`, `(?-ii)A`, `(?ii)a`, `(?i-s-m)a`, `(?x)a b`, `(?u)a`, `(?U)a+`, `(?U)a+?`, `(?U:a*)b`, `(?imsU)a`, `(?ims-U)a`, `(?ims-)a`, `(?R)a`,
	`(?i)a(?-i)b`, `(?i:a)b`, `a(?i:b)`, `(?i)ab|c`, `a(?i)b|C`, `(a(?i)b)C`, `((?i)a)b`, `(?i)(?-i:a)b`, `(?i:(?-i)a|b)`, `(?i)é`, `(?i)ß`, `(?i)s`, `(?i)ſ`, `(?i)k`,
	`(?i)K`, `(?i)[k]`, `(?i)[^k]`, `(?i)^[^s]$`, `(?i)[a-c]`, `(?i)λ`, `(?i)[λ-ς]`, `(?i)д`, `(?i)\x4b`, `(?i)\x{212A}`, `(?i)[[:lower:]]`, `(?i)^[[:^lower:]]$`,
	`(?i)[j-l]`, `(?i)^[^j-l]$`, `(?i)\Qk\E`,
	// Brackets.
	`[`, `]`, `[]`, `[]a]`, `[^]a]`, `[^]`, `[a`, `[a]`, `[^a]`, `[a-c]`, `[^a-c]`, `[c-a]`, `[a-]`, `[-a]`, `[a-c-e]`, `[a-b-c]`, `[--a]`, `[---]`, `[-]`, `[^-]`, `[a\-c]`, `[a-\d]`, `[\d-a]`, `[\d-]`,
	`[a&&b]`, `[a&&[b]]`, `[&&]`, `[a--b]`, `[a~~b]`, `[~~]`, `[[a]`, `[[a]]`, `[a[b]c]`, `[^[a]]`, `[[]`, `[[:alpha:]]`, `[[:^alpha:]]`, `[^[:alpha:]]`, `[:alpha:]`, `[[:foo:]]`, `[[:]`, `[[:]]`,
	`[[:alpha]]`, `[[:alpha:]`, `[[:foo]bar:]`, `[[:alpha:]-z]`, `[a-[:digit:]]`, `[[=a=]]`, `[[.a.]]`, `[^^]`, `[a^]`, `[\^a]`, `[\]]`, `[\\]`, `[\[]`, `[.]`, `[$]`, `[|]`, `[()]`, `[*+?]`, `[#]`, `[ ]`,
	`[\n]`, `[\b]`, `[\A]`, `[\z]`, `[\Q]`, `[\Qa\E]`, `[\x41-\x43]`, `[\101]`, `[\x{1F600}]`, `[a-\x{10FFFF}]`, `[^\x00-\x{10FFFF}]`, `[\x00-\x{10FFFF}]`, `[é-ü]`, `[а-я]`, `[世]`, `[^世]`, `[\pL]`, `[^\pL]`,
	`[\PL]`, `[^\PL]`, `[\p{Lu}a]`, `[\p{^Lu}]`, `[a\]`, `[\`, `[a-`, `[a-\`, `[^`, `[]-a]`, `[!--]`, `[%--]`, `[+--]`, `[a-a]`,
	`[[:alnum:]]`, `[[:ascii:]]`, `[[:blank:]]`, `[[:cntrl:]]`, `[[:digit:]]`, `[[:graph:]]`, `[[:lower:]]`, `[[:print:]]`, `[[:punct:]]`, `[[:space:]]`, `[[:upper:]]`, `[[:word:]]`, `[[:xdigit:]]`,
	`^[[:^space:]]$`, `^[^[:punct:]]$`, `[[:alpha:][:digit:]]`, `[[:Alpha:]]`,
	// Escapes.
	`\`, `\.`, `\-`, `\_`, `\/`, `\ `, `\!`, `\#`, `\&`, `\~`, `\<`, `\>`, `\"`, `\'`, `\:`, `\=`, `\@`, `\%`, `\,`, `\;`, "\\`", `\{`, `\}`, `\[`, `\]`, `\(`, `\)`, `\|`, `\^`, `\$`, `\*`, `\+`, `\?`, `\\`,
	`\a`, `\f`, `\n`, `\r`, `\t`, `\v`, `\e`, `\0`, `\00`, `\000`, `\0000`, `\1`, `\10`, `\101`, `\12`, `\123`, `\1a`, `\18`, `\7`, `\77`, `\777`, `\8`, `\9`, `\81`, `\400`, `\x`, `\x4`, `\x41`, `\x4g`, `\x411`, `\x{}`, `\x{4`,
	`\x{41}`, `\x{0000000041}`, `\x{10FFFF}`, `\x{110000}`, `\x{4g}`, `\x{1F600}`, `\xe9`, `\u0041`, `\U00000041`, `\N`, `\R`, `\h`, `\H`, `\K`, `\X`, `\c`, `\cA`, `\E`, `\i`, `\j`, `\l`, `\m`, `\o`, `\q`, `\y`, `\Y`, `\é`, `\世`, "\\\n", "\\\t", "\\\x01", "\\\x7f",
	`\C`, `\Q`, `\Qa`, `\Qa.b\E`, `\Q.\E`, `\Q[a]\E`, `\Qa\E+`, `\Qab\E+c`, `\Qa{2}\E`, `\Q\\E`, `\Qa\b\E`, `\Qa\E\E`, `a\Qb\Ec`, `\Q\E`, `\Q(\E`, `\Q世\E`, `\Q\Qa\E`, `(\Qa|b\E)`, `(?i)\QA.B\E`,
	// Unicode classes.
	`\pL`, `\PL`, `\p{L}`, `\P{L}`, `\p{^L}`, `\P{^L}`, `\pN`, `\p{N}`, `\p{Nd}`, `\p{Lu}`, `\p{Ll}`, `^\p{Lu}+$`, `\p{Greek}`, `\P{Greek}`, `\p{Han}`, `\p{Cyrillic}`, `\p{Latin}`, `\p{Any}`, `\P{Any}`, `\p{^Any}`,
	`\p`, `\p{`, `\p{}`, `\p{L`, `\pX`, `\p{X}`, `\p{greek}`, `\p{Grek}`, `\p{Script=Greek}`, `\p{Alphabetic}`, `\p{White_Space}`, `\p{IsGreek}`, `\p{Lu }`, `\p{ll}`, `\p{^}`, `\pl`, `\p^L`, `\p{gc=L}`, `\p{LC}x{`,
	`\pM`, `\pP`, `\pS`, `\pZ`, `\pC`, `\p{Cc}`, `\p{Zs}`, `\p{Zl}`, `\p{So}`, `\p{Nl}`, `\p{Mn}`, `(?i)\p{Lu}`, `(?i)\P{Lu}`, `(?i)^[^\p{Lu}]$`, `(?i)\p{Greek}`, `(?i)\pL`, `\p{Nyiakeng_Puachue_Hmong}`, `\p{SignWriting}`,
	// The extended syntax of Rust that Go has not.
	`\b{start}`, `\b{end}`, `\<a`, `a\>`, `(?x) a # c`, `a # b`, `\p{L}&&a`, `[\pL--a]`, `[a-z&&[^b]]`, `(?R:a)`, `(?u:\w)`, `(?-u:\w)`, `(?s-u:.)`, `\x{212a}`, `a{2,}?b`,
}

// Pieces of random patterns.
var pieces = []string{
	`a`, `b`, `A`, `é`, `世`, `s`, `k`, `0`, `_`, `-`, ` `, `.`, `^`, `$`, `|`, `|`, `(`, `(`, `)`, `)`, `)`, `(?:`, `(?i)`, `(?i:`, `(?s)`, `(?m)`, `(?-i)`, `(?P<n>`,
	`*`, `+`, `?`, `*?`, `{2}`, `{1,}`, `{0,2}`, `{`, `}`, `,`, `[`, `]`, `[^`, `[a-c]`, `[^a]`, `[]a]`, `[[:alpha:]`, `[[:^space:]]`, `[:`, `:]`, `&&`, `--`, `~~`, `a-z`,
	`\d`, `\D`, `\s`, `\S`, `\w`, `\W`, `\b`, `\B`, `\A`, `\z`, `\Q`, `\E`, `\pL`, `\PL`, `\p{Lu}`, `\p{^Greek}`, `\n`, `\t`, `\x41`, `\x{e9}`, `\101`, `\.`, `\\`, `\`, `\-`, `\]`,
}

type entry struct {
	Pattern string `json:"pattern"`
	// One digit for each text; nothing where Go refuses the pattern.
	Matches *string `json:"matches"`
}

func main() {
	state := uint64(2026)
	random := func(below int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state>>33) % below
	}
	seen := map[string]bool{}
	all := patterns
	for len(all) < len(patterns)+1500 {
		var made strings.Builder
		for n := 2 + random(6); n > 0; n-- {
			made.WriteString(pieces[random(len(pieces))])
		}
		// Most random patterns are broken; keep a quarter of those.
		if _, err := regexp.Compile(made.String()); err == nil || random(4) == 0 {
			all = append(all, made.String())
		}
	}
	var entries []entry
	for _, pattern := range all {
		if seen[pattern] {
			continue
		}
		seen[pattern] = true
		made := entry{Pattern: pattern}
		if compiled, err := regexp.Compile(pattern); err == nil {
			digits := make([]byte, len(subjects))
			for i, subject := range subjects {
				digits[i] = '0'
				if compiled.Match([]byte(subject)) {
					digits[i] = '1'
				}
			}
			matches := string(digits)
			made.Matches = &matches
		}
		entries = append(entries, made)
	}
	line := func(value interface{}) string {
		var out strings.Builder
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			panic(err)
		}
		return strings.TrimSpace(out.String())
	}
	var out strings.Builder
	out.WriteString("{\"go\":" + line(runtime.Version()) + ",\n\"subjects\":" + line(subjects) + ",\n\"patterns\":[\n")
	for i, made := range entries {
		if i > 0 {
			out.WriteString(",\n")
		}
		out.WriteString(line(made))
	}
	out.WriteString("\n]}\n")
	os.Stdout.WriteString(out.String())
}
