"""Writes the CSV files of this folder: made-up numbers in the odd shapes that real files have."""

import math
from datetime import date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent


def number(step: int, season: int = 12) -> float:
    """A value with trend, season and a little irregularity, the same on every machine."""
    return round(100 + step / 2 + 10 * math.sin(2 * math.pi * step / season) + (step * 7919 % 13) / 10, 1)


def write(name: str, lines: list[str], end: str = "\n", last: str = "\n", encoding: str = "utf-8") -> None:
    (HERE / name).write_bytes((end.join(lines) + last).encode(encoding))


def months(count: int, first: int = 2001) -> list[tuple[int, int]]:
    return [(first + step // 12, step % 12 + 1) for step in range(count)]


def days(count: int, first: date = date(2003, 1, 1)) -> list[date]:
    return [first + timedelta(step) for step in range(count)]


def hours(count: int, first: datetime, minutes: int = 60) -> list[datetime]:
    return [first + timedelta(minutes=minutes * step) for step in range(count)]


def parked(step: int) -> datetime:
    """Stamps about every half hour of the day, never quite."""
    return datetime(2016, 10, 4 + step // 18, 7, 59, 42) + timedelta(minutes=31 * (step % 18) + step % 4)


MONTH_LINES = [f'"{year}-{month:02d}",{number(step)}' for step, (year, month) in enumerate(months(48))]
write("months_crlf_no_final_newline.csv", ['"Month","Visitors"', *MONTH_LINES], end="\r\n", last="")
write("months_cr_line_ends.csv", ["ds,y", *(line.replace('"', "") for line in MONTH_LINES)], end="\r", last="\r")
write(
    "months_missing_blank_last_line.csv",
    ['"Month","Litres per cow"', *MONTH_LINES[:20], *MONTH_LINES[25:]],
    last="\n\n",
)
write(
    "months_of_no_decade.csv",
    ['"Month","Sales"', *(f'"{s // 12 + 1}-{s % 12 + 1:02d}",{number(s)}' for s in range(36))],
)
write(
    "days_quoted.csv",
    [
        '"Date","Temp"',
        *(f'"{day}",{number(s, 365)}' for s, day in enumerate(days(800, date(2003, 1, 1))) if str(day)[5:] != "12-31"),
    ],
    end="\r\n",
    last="",
)
write(
    "days_out_of_order.csv",
    [
        '"ds","y"',
        *(f'"{day}",{number(s, 7)}' for s, day in sorted(enumerate(days(120)), key=lambda pair: pair[0] * 37 % 120)),
    ],
)
write(
    "weeks_newest_first_us_dates.csv",
    ["Week,Fuel", *reversed([f"{date(2019, 1, 4) + timedelta(7 * s):%m/%d/%Y},{number(s, 52)}" for s in range(110)])],
    end="\r\n",
    last="",
)
WINDS = ["NW", "cv"]
HOURS = hours(24 * 20, datetime(2015, 1, 1))
write(
    "hours_sorted_as_text.csv",
    [
        "ds,y,temperature",
        *sorted(f"{t.month}/{t.day}/{t:%y} {t.hour}:00,{number(s, 24)},{s % 30}" for s, t in enumerate(HOURS)),
    ],
)
write(
    "hours_in_four_columns.csv",
    [
        "No,year,month,day,hour,pm,DEWP,wind",
        *(
            f"{s + 1},{t:%Y},{t.month},{t.day},{t.hour},{number(s, 24) if s > 23 else 'NA'},{s % 9},{WINDS[s % 2]}"
            for s, t in enumerate(HOURS)
        ),
    ],
    end="\r\n",
)
write(
    "hours_beside_dates.csv",
    [
        "instant,dteday,season,hr,holiday,casual,cnt",
        *(
            f"{s + 1},{t.month}/{t.day}/{t:%y},1,{t.hour},0,{s % 5},{number(s, 24)}"
            for s, t in enumerate(HOURS)
            if s % 97
        ),
    ],
    last="",
)
write("no_dates.csv", ["Load [kW](Hourly)", *(str(number(s, 24)) for s in range(500))], last="")
write(
    "half_hours_nan.csv",
    [
        "ds,y",
        *(
            f"{t},{'NaN' if s in (5, 6, 90) else number(s, 48)}"
            for s, t in enumerate(hours(480, datetime(2017, 5, 1), 30))
        ),
    ],
)
write(
    "minutes_irregular.csv",
    [
        "timestamp,value",
        *(
            f"{datetime(2015, 7, 10, 14, 24) + timedelta(minutes=10 * s + s * s * 7 % 11)},{number(s)}"
            for s in range(300)
        ),
    ],
    last="",
)
write(
    "minutes_clock_back.csv",
    [
        "timestamp,value",
        *(
            f"{t},{number(s, 288)}"
            for s, t in enumerate(
                [*hours(300, datetime(2014, 1, 6, 1, 0), 5), *hours(300, datetime(2014, 1, 7, 1, 0), 5)]
            )
        ),
    ],
)
write(
    "hours_one_repeated.csv",
    [
        "timestamp,value",
        *(
            f"{t},{number(s, 24)}"
            for s, t in enumerate(sorted([*hours(200, datetime(2011, 7, 1, 0, 0, 1)), datetime(2011, 7, 3, 12, 0, 1)]))
        ),
    ],
    end="\r\n",
)
write(
    "car_parks.csv",
    [
        "Code,Capacity,Occupancy,Updated",
        *(
            f"P{park},{500 + 10 * park},{int(number(s)) + park},{parked(s)}"
            for park in range(4)
            for s in [*range(180), *([3] if park == 0 else [])]
        ),
    ],
)
WEATHER = ["Clear", "Clouds", "Haze", "Snow", "Rain"]
write(
    "hours_twice_by_weather.csv",
    [
        "holiday,temp,rain,weather,date_time,volume",
        *(
            f"None,{s % 20},0.0,{WEATHER[(s * 7 // 5 + twin) % 5]},{t},{number(s, 24)}"
            for s, t in enumerate(HOURS)
            for twin in range(2 if s % 6 == 0 else 1)
        ),
    ],
    end="\r\n",
)
AUTUMN = hours(48 * 12, datetime(2012, 3, 26), 30)
repeated = AUTUMN.index(datetime(2012, 4, 1, 3, 0))
AUTUMN[repeated:repeated] = [datetime(2012, 4, 1, 2, 0), datetime(2012, 4, 1, 2, 30)]
write(
    "half_hours_clocks_go_back.csv",
    [
        "Time,Demand,Holiday",
        *(f"{t:%Y-%m-%d %H:%M},{number(s, 48)},{'TRUE' if t.day == 6 else 'FALSE'}" for s, t in enumerate(AUTUMN)),
    ],
)
write(
    "months_quoted_names.csv",
    [
        "State,Industry,Series ID,Month,Turnover",
        *(
            f'Victoria,"{what}",A{k}L,{date(year, month, 1):%Y %b},{number(s + 5 * k)}'
            for k, what in enumerate(["Cafes, bars and catering", "Food", "Clothing, shoes"])
            for s, (year, month) in enumerate(months(36))
        ),
    ],
)
write(
    "sensors.csv",
    [
        "Sensor,Date_Time,Count",
        *(
            f"{name},{t},{int(number(s, 24)) + 10 * k}"
            for k, name in enumerate(["North Gate", "South Gate"])
            for s, t in enumerate(HOURS)
            if (s + k) % 50 > 2
        ),
    ],
)
write(
    "umlauts_cp1252.csv",
    [
        "Monat;Umsätze €",
        *(f"{month:02d}.{year};{str(number(s)).replace('.', ',')}" for s, (year, month) in enumerate(months(24))),
    ],
    end="\r\n",
    encoding="cp1252",
)
