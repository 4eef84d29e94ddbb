package odata

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"plimsoll/internal/query"
)

// noon is what now() gives in these tests.
var noon = time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)

// rowType has a property of every kind, and navigations to one and to many that
// lead on through several types.
func rowType() *StructuredType {
	end := &StructuredType{name: "test.end", attributes: []*attribute{{name: "name", typ: query.Type{Kind: query.String}}}}
	for i := 6; i > 0; i-- {
		end = &StructuredType{
			name:        "test.level" + strconv.Itoa(i),
			attributes:  end.attributes,
			navigations: []*navigation{{name: "next", target: end, expandable: true}},
		}
	}
	shape := query.Type{Kind: query.Enum, Enum: "test.shape", Members: []string{"round", "square"}}
	part := &StructuredType{
		name: "test.part",
		attributes: []*attribute{
			{name: "name", typ: query.Type{Kind: query.String}, searched: true},
			{name: "size", typ: number(math.MinInt32, math.MaxInt32)},
			{name: "shape", typ: shape},
			{name: "tags", typ: query.Type{Kind: query.String, Collection: true}},
		},
		navigations: []*navigation{
			{name: "maker", target: end, expandable: true},
			{name: "makers", target: end, collection: true, expandable: true},
		},
		enums: []query.Type{shape},
	}
	color := query.Type{Kind: query.Enum, Enum: "test.color", Members: []string{"red", "green"}}
	return &StructuredType{
		name: "test.row",
		attributes: []*attribute{
			{name: "name", typ: query.Type{Kind: query.String}, searched: true},
			{name: "note", typ: query.Type{Kind: query.String, Nullable: true}, searched: true},
			{name: "count", typ: number(math.MinInt32, math.MaxInt32)},
			{name: "maybe", typ: query.Type{Kind: query.Number, Nullable: true, Min: 0, Max: 10}},
			{name: "total", typ: number(math.MinInt64, math.MaxInt64)},
			{name: "price", typ: query.Type{Kind: query.Number, Scale: 2, Min: -99999, Max: 99999}},
			{name: "sure", typ: boolean(false)},
			{name: "unsure", typ: boolean(true)},
			{name: "at", typ: query.Type{Kind: query.Instant, Max: query.MaxInstant}},
			{name: "on", typ: query.Type{Kind: query.Date, Max: query.MaxDate}},
			{name: "daily", typ: query.Type{Kind: query.TimeOfDay, Max: query.TicksPerDay - 1}},
			{name: "lasts", typ: query.Type{Kind: query.Duration, Min: -query.TicksPerDay, Max: query.TicksPerDay}},
			{name: "data", typ: query.Type{Kind: query.Binary, Nullable: true}},
			{name: "color", typ: color},
			{name: "shade", typ: query.Type{Kind: query.Enum, Nullable: true, Enum: color.Enum, Members: color.Members}},
			{name: "labels", typ: query.Type{Kind: query.String, Collection: true}},
			{name: "colors", typ: query.Type{Kind: query.Enum, Collection: true, Enum: color.Enum, Members: color.Members}},
		},
		navigations: []*navigation{
			{name: "best", target: part, expandable: true},
			{name: "parts", target: part, collection: true, expandable: true},
			{name: "hidden", target: part},
		},
		enums: []query.Type{color},
	}
}

// every option that a list may allow.
func everyOption() []Option {
	return []Option{
		OptionFilter, OptionSearch, OptionSelect, OptionExpand, OptionOrderBy, OptionTop, OptionSkip,
		OptionCount, OptionFormat, OptionSkipToken, OptionDeltaToken,
	}
}

func parseQuery(raw string) (*Query, error) {
	return ParseQuery(raw, rowType(), noon, everyOption()...)
}

// escape encodes the value of an option, and leaves it readable.
func escape(value string) string {
	return strings.NewReplacer("%", "%25", "&", "%26", "+", "%2B", "#", "%23", "\x00", "%00").Replace(value)
}

func parseFilter(text string) (*query.Expr, error) {
	q, err := parseQuery("$filter=" + escape(text))
	if err != nil {
		return nil, err
	}
	return q.Filter, nil
}

// show prints an expression compactly: operators in front, a ? behind what is
// null at times.
func show(e *query.Expr) string {
	switch {
	case e == nil:
		return "-"
	case e.Op == query.Literal:
		return showValue(e)
	case e.Op == query.Field, e.Op == query.Variable:
		return e.Name + nullMark(e)
	}
	text := "(" + opName(e.Op) + nullMark(e)
	if e.Name != "" {
		text += " " + e.Name + ":"
	}
	for _, arg := range e.Args {
		text += " " + show(arg)
	}
	return text + ")"
}

func nullMark(e *query.Expr) string {
	if e.Type.Nullable {
		return "?"
	}
	return ""
}

func opName(op query.Op) string {
	names := strings.Fields("literal field variable eq ne lt le gt ge in and or not neg add sub mul div mod " +
		"startswith endswith contains tolower toupper trim length indexof substring concat " +
		"year month day hour minute second date time any all count")
	return names[op]
}

func showValue(e *query.Expr) string {
	switch value := e.Value.(type) {
	case nil:
		return "null"
	case string:
		return e.Type.Enum + "'" + value + "'"
	case []byte:
		return "x" + hex.EncodeToString(value)
	case int64:
		return showNumber(e.Type, value)
	default:
		return fmt.Sprint(value)
	}
}

func showNumber(t query.Type, n int64) string {
	switch t.Kind {
	case query.Instant:
		return string(AppendDateTimeOffset(nil, query.Time(n)))
	case query.Date:
		return query.Time(n * query.TicksPerDay).Format(time.DateOnly)
	case query.TimeOfDay:
		return query.Time(n).Format("15:04:05.9999999")
	case query.Duration:
		return "P" + strconv.FormatFloat(float64(n)/float64(query.TicksPerSecond), 'f', -1, 64)
	}
	text := strconv.FormatInt(n, 10)
	if t.Scale == 0 {
		return text
	}
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for len(text) <= int(t.Scale) {
		text = "0" + text
	}
	point := len(text) - int(t.Scale)
	return sign + text[:point] + "." + text[point:]
}
