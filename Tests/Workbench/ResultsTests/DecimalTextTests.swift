import Testing

@testable import Results

@Suite struct DecimalTextTests {
  @Test(
    "Numbers have `.` decimals, no exponent, nine significant digits; whole numbers keep all",
    arguments: [
      (0, "0"), (-0.0, "0"), (1, "1"), (-3, "-3"), (0.5, "0.5"), (1234567.891234, "1234567.89"),
      (1e-7, "0.0000001"), (1.0 / 3, "0.333333333"), (2.0 / 3, "0.666666667"),
      (0.9999999999, "1"), (99.99999999999, "100"), (1e15, "1000000000000000"),
      (123_456_789_012, "123456789012"), (1.5e22, "15000000000000000000000"),
      (-0.00012345678949, "-0.000123456789"), (.nan, ""), (.infinity, ""),
    ] as [(Double, String)])
  func text(value: Double, expected: String) {
    #expect(DecimalText.text(value) == expected)
  }

  @Test(
    "For people a number has the requested decimals",
    arguments: [
      (0, 2, "0.00"), (1.005, 2, "1.01"), (0.004, 2, "0.00"), (-0.004, 2, "0.00"),
      (0.5, 0, "1"), (0.05, 0, "0"), (9.996, 2, "10.00"), (1234.5, 1, "1234.5"), (12, 0, "12"),
      (99.95, 1, "100.0"), (-2.25, 1, "-2.3"), (1e-9, 3, "0.000"),
    ] as [(Double, Int, String)])
  func fixed(value: Double, decimals: Int, expected: String) {
    #expect(DecimalText.fixed(value, decimals: decimals) == expected)
  }

  @Test(
    "In tables a value below 10 has at least two significant digits",
    arguments: [
      (0.083, 0, "0.083"), (0.08333, 0, "0.083"), (4.2, 0, "4.2"), (4, 0, "4.0"), (0, 0, "0"),
      (42.6, 0, "43"), (0.00041, 3, "0.00041"), (4.227, 2, "4.23"), (0.5, 1, "0.50"),
      (-0.0123, 0, "-0.012"), (123.456, 0, "123"),
    ] as [(Double, Int, String)])
  func table(value: Double, decimals: Int, expected: String) {
    #expect(DecimalText.table(value, decimals: decimals) == expected)
  }

  @Test(
    "Only the share 1 is shown as 100 %",
    arguments: [
      (1, "100.00"), (0.9987, "99.87"), (0.99999, "99.999"), (0.9999999, "99.99999"), (0, "0.00"),
      (0.00001, "0.0010"), (0.99996, "99.996"), (0.6, "60.00"),
    ] as [(Double, String)])
  func percent(share: Double, expected: String) {
    #expect(DecimalText.percent(share) == expected)
  }

  @Test("Times are exact and have no superfluous decimals")
  func times() {
    #expect(DecimalText.milliseconds(1_234_567) == "1.234567")
    #expect(DecimalText.milliseconds(60_000_000_000) == "60000")
    #expect(DecimalText.microseconds(1) == "0.001")
    #expect(DecimalText.microseconds(0) == "0" && DecimalText.microseconds(nil) == "")
    #expect(DecimalText.milliseconds(-1_500_000) == "-1.5")
  }
}
