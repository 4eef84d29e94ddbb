package odata

import (
	"math"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"plimsoll/internal/query"
)

func TestTypesOfArithmetic(t *testing.T) {
	t.Parallel()
	const int32Min, int32Max = math.MinInt32, math.MaxInt32
	cases := []struct {
		text        string
		scale       uint8
		least, most int64
	}{
		{"count", 0, int32Min, int32Max},
		{"-count", 0, -int32Max, -int32Min},
		{"count add 1", 0, int32Min + 1, int32Max + 1},
		{"count sub maybe", 0, int32Min - 10, int32Max},
		{"count add 0.25", 2, int32Min*100 + 25, int32Max*100 + 25},
		{"maybe mul -3", 0, -30, 0},
		{"count mul count", 0, int32Min * int32Max, int32Min * int32Min},
		{"maybe mul 1.25", 2, 0, 1250},
		{"price mul price", 4, -99999 * 99999, 99999 * 99999},
		{"count div 2", 0, int32Min, -int32Min},
		{"count div maybe", 0, int32Min, -int32Min},
		{"count mod 7", 0, -6, 6},
		{"count mod maybe", 0, -9, 9},
		{"maybe mod count", 0, -10, 10},
		{"maybe mod 0.5", 1, -4, 4},
		{"9223372036854775807 mod -9223372036854775808", 0, -math.MaxInt64, math.MaxInt64},
		{"total mul 0", 0, 0, 0},
		{"total mul 1", 0, math.MinInt64, math.MaxInt64},
		{"maybe divby 3", 6, -10_000_000, 10_000_000},
		{"price div 3", 6, -999_990_000, 999_990_000},
		{"3 div price", 6, -300_000_000, 300_000_000},
		{"0.000000001 divby 3", 9, -1, 1},
		{"length(name)", 0, 0, int32Max},
		{"totalseconds(lasts)", 7, -query.TicksPerDay, query.TicksPerDay},
		{"fractionalseconds(daily)", 7, -9_999_999, 9_999_999},
		{"at sub at", 0, -query.MaxInstant, query.MaxInstant},
		{"at add lasts", 0, 0, query.MaxInstant},
		{"lasts mul 100", 0, -100 * query.TicksPerDay, 100 * query.TicksPerDay},
		{"on sub on", 0, -query.MaxDate * query.TicksPerDay, query.MaxDate * query.TicksPerDay},
	}
	for _, c := range cases {
		p := &parser{option: OptionFilter, text: c.text, env: &environment{}, typ: rowType()}
		e, err := p.whole()
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := e.Type; got.Scale != c.scale || got.Min != c.least || got.Max != c.most {
			t.Errorf("%s: %d places, from %d to %d; want %d, %d, %d", c.text, got.Scale, got.Min, got.Max, c.scale, c.least, c.most)
		}
	}
}

func TestArithmeticThatMayOverflowIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"total add 1", "total sub 1", "-total", "total mul 2", "total mul -1", "total div -1", "total mod 7", "total div 7",
		"count mul count mul count", "-(-9223372036854775808)", "9223372036854775807 add 1", "0 sub (0 sub 9223372036854775807 sub 2)",
		"total eq 0.5", "9223372036854775807 eq 0.5", "count divby 0.000000001", "lasts mul count mul count", "total divby 2",
	} {
		if e, err := parseFilter("(" + text + ") eq null or " + text + " eq null"); err == nil {
			t.Errorf("%s: %s", text, show(e))
		}
	}
}

// drawExpression draws the text of an expression of numbers.
func drawExpression(t *rapid.T, depth int) string {
	operand := rapid.SampledFrom([]string{"count", "total", "price", "maybe"})
	literal := rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) })
	decimal := rapid.Map(rapid.Int64Range(-9999, 9999), func(n int64) string { return big.NewRat(n, 1000).FloatString(3) })
	if depth == 0 || rapid.Bool().Draw(t, "leaf") {
		return rapid.OneOf(operand, literal, decimal).Draw(t, "operand")
	}
	operator := rapid.SampledFrom([]string{"-", "add", "sub", "mul", "div", "mod", "divby"}).Draw(t, "operator")
	left := drawExpression(t, depth-1)
	if operator == "-" {
		return "-(" + left + ")"
	}
	return "(" + left + " " + operator + " " + drawExpression(t, depth-1) + ")"
}

// drawConstant draws an expression of literals that has an exact value.
func drawConstant(t *rapid.T, depth int) (text string, value *big.Rat) {
	if depth == 0 || rapid.Bool().Draw(t, "leaf") {
		n, places := rapid.Int64Range(-999, 999).Draw(t, "n"), rapid.IntRange(0, 3).Draw(t, "places")
		value = big.NewRat(n, power(uint8(places)))
		return value.FloatString(places), value
	}
	left, a := drawConstant(t, depth-1)
	right, b := drawConstant(t, depth-1)
	switch operator := rapid.SampledFrom([]string{"add", "sub", "mul"}).Draw(t, "operator"); operator {
	case "add":
		value = new(big.Rat).Add(a, b)
		return "(" + left + " add " + right + ")", value
	case "sub":
		value = new(big.Rat).Sub(a, b)
		return "(" + left + " sub -(" + "-(" + right + ")))", value
	default:
		return left + " mul " + right, new(big.Rat).Mul(a, b)
	}
}

func TestDecimalsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, want := drawConstant(t, 3)
		p := &parser{option: OptionFilter, text: text, env: &environment{}, typ: rowType()}
		e, err := p.whole()
		if err != nil {
			return // of too many places
		}
		value := evaluate(t, e, nil)
		if got := new(big.Rat).SetFrac(value, big.NewInt(power(e.Type.Scale))); got.Cmp(want) != 0 {
			t.Fatalf("%s is %s, and got %s", text, want, got)
		}
	})
}

// evaluate computes an expression as a store does, over numbers without bounds;
// nil is null. Each literal and each result must lie within its type's bounds.
func evaluate(t *rapid.T, e *query.Expr, row map[string]*big.Int) *big.Int {
	args := make([]*big.Int, len(e.Args))
	null := false
	for i, arg := range e.Args {
		args[i] = evaluate(t, arg, row)
		null = null || args[i] == nil
	}
	result := new(big.Int)
	switch e.Op {
	case query.Literal:
		if e.Value == nil {
			result = nil
			break
		}
		result.SetInt64(e.Value.(int64))
	case query.Field:
		result = row[e.Name]
	default:
		switch {
		case null:
			result = nil
		case e.Op == query.Negate:
			result.Neg(args[0])
		case e.Op == query.Add:
			result.Add(args[0], args[1])
		case e.Op == query.Sub:
			result.Sub(args[0], args[1])
		case e.Op == query.Mul:
			result.Mul(args[0], args[1])
		case args[1].Sign() == 0:
			result = nil
		case e.Op == query.Div:
			result.Quo(args[0], args[1])
		case e.Op == query.Mod:
			result.Rem(args[0], args[1])
		default:
			t.Fatalf("the operation %d", e.Op)
		}
	}
	switch {
	case result == nil && !e.Type.Nullable:
		t.Fatalf("%s is null", show(e))
	case result != nil && (result.Cmp(big.NewInt(e.Type.Min)) < 0 || result.Cmp(big.NewInt(e.Type.Max)) > 0):
		t.Fatalf("%s is %s, and its bounds are %d and %d", show(e), result, e.Type.Min, e.Type.Max)
	}
	return result
}

// TestBoundsHold draws expressions and rows: what the parser accepts stays within
// the bounds that it tells, at every step.
func TestBoundsHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := drawExpression(t, 4)
		p := &parser{option: OptionFilter, text: text, env: &environment{}, typ: rowType()}
		e, err := p.whole()
		if err != nil {
			return
		}
		edge := func(least, most int64) *rapid.Generator[int64] {
			return rapid.OneOf(rapid.Int64Range(least, most), rapid.SampledFrom([]int64{least, most}))
		}
		for range 4 {
			row := map[string]*big.Int{
				"count": big.NewInt(edge(math.MinInt32, math.MaxInt32).Draw(t, "count")),
				"total": big.NewInt(edge(math.MinInt64, math.MaxInt64).Draw(t, "total")),
				"price": big.NewInt(edge(-99999, 99999).Draw(t, "price")),
				"maybe": nil,
			}
			if rapid.Bool().Draw(t, "sure") {
				row["maybe"] = big.NewInt(edge(0, 10).Draw(t, "maybe"))
			}
			evaluate(t, e, row)
		}
	})
}
