import Testing

@testable import Report

@Suite("Axes")
struct AxisTests {
  private func labels(_ axis: Axis?) -> [String] { axis?.ticks.map(\.label) ?? [] }

  @Test("An axis from zero has round steps up to the first at or above the largest value")
  func fromZero() {
    #expect(
      labels(.fromZero(to: 3997, most: 4, label: Axis.short)) == ["0", "1k", "2k", "3k", "4k"])
    #expect(
      labels(.fromZero(to: 0.031, label: Axis.short)) == ["0", "0.01", "0.02", "0.03", "0.04"])
    #expect(labels(.fromZero(to: 100, most: 5, label: Axis.short)).last == "100")
    // A metric that is 0 in all rows also has an axis.
    #expect(labels(.fromZero(to: 0, label: Axis.short)).count > 1)
  }

  @Test("An axis between two values has round steps, and a time axis has exact ends")
  func linear() {
    #expect(
      labels(.linear(98.2, 100, most: 4, label: Axis.short)) == ["98", "98.5", "99", "99.5", "100"])
    let time = Axis.exact(0, 11, label: Axis.short)
    #expect(labels(time) == ["0", "2", "4", "6", "8", "10"])
    #expect(time.high == 11 && time.share(11) == 1 && time.share(5.5) == 0.5)
    #expect(time.share(-1) == 0 && time.share(12) == 1)
  }

  @Test("A title says of an axis of values that it is logarithmic, or where it begins if not at 0")
  func remark() {
    let text = { (axis: Axis?) in axis?.remark.text.replacing(#/<[^>]*>/#, with: "") }
    #expect(text(.fromZero(to: 3, label: Axis.short)) == "")
    #expect(text(.linear(98.2, 100, most: 4, label: Axis.short)) == ", axis from 98")
    #expect(text(.logarithmic([1, 2], label: Axis.short)) == ", logarithmic")
  }

  @Test("A logarithmic axis has its ends at 1, 2 or 5 times powers of ten")
  func logarithmic() throws {
    let axis = try #require(Axis.logarithmic([0.3, 250], label: Axis.short))
    #expect(axis.low == 0.2 && axis.high == 500)
    #expect(labels(axis) == ["1", "10", "100"])
    #expect(labels(Axis.logarithmic([3, 4], label: Axis.short)) == ["2", "3", "4", "5"])
    #expect(labels(Axis.logarithmic([2], label: Axis.short)) == ["2", "3", "4", "5"])
    #expect((axis.share(10) - axis.share(1) - (axis.share(100) - axis.share(10))).magnitude < 1e-9)
    // Labels that would overlap are left out, except those at the ends.
    #expect(labels(Axis.logarithmic([2, 10], label: Axis.short)) == ["2", "3", "4", "6", "10"])
    #expect(axis.share(0) == 0)
    #expect(Axis.logarithmic([0, -1], label: Axis.short) == nil)
  }

  @Test("Labels of close values have digits enough to differ")
  func close() {
    let axis = Axis.linear(99, 101, most: 4, label: Axis.short)
    #expect(axis.ticks.map(\.label) == ["99", "99.5", "100", "100.5", "101"])
  }

  @Test("Swept values are placed by their size in any unit, or side by side")
  func sweep() {
    #expect(SweepAxis.size("4KiB") == 4096)
    #expect(SweepAxis.size("5000/s") == 5000)
    #expect(SweepAxis.size("2s") == SweepAxis.size("2000ms"))
    #expect(SweepAxis.size("zipfian") == nil)
    let sizes = SweepAxis(["128B", "1MiB", "4KiB"])
    #expect(sizes.axis.ticks.map(\.label) == ["128B", "4KiB", "1MiB"])
    let names = SweepAxis(["true", "false"])
    #expect(names.place("false") == 1)
    #expect(names.axis.share(0) == 0.25)
    // A single value, and a value of 0, have positions too.
    #expect(SweepAxis(["8"]).place("8") == 0)
    #expect(SweepAxis(["0ms", "20ms"]).place("20ms") == 1)
  }
}
