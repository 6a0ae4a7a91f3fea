"""Real files as people keep them, read by Tidegate: which of them, with which options, under which licence.

The folder is DIR/csv beside the Parquet files of tasks.py. Left out are a constant series, a second copy of the airline
passengers, and files that hold no series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.series.panel import Panel
from tidegate.series.reading import read_panel


@dataclass(frozen=True)
class RealFile:
    """options: of tidegate.forecast, where the file cannot be read without; licence: "" where none is stated."""

    name: str
    licence: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def read(self, folder: Path) -> Panel:
        return read_panel(folder / f"{self.name}.csv", **self.options)  # type: ignore[arg-type]


FILES = (
    RealFile("airline_passengers"),
    RealFile("shampoo_sales"),
    RealFile("monthly_car_sales"),
    RealFile("monthly_milk_incomplete", "Apache-2.0"),
    RealFile("monthly_sunspots"),
    RealFile("us_retail_sales", "MIT"),
    RealFile("aus_retail_victoria", "GPL-3"),
    RealFile("us_gasoline_weekly_descending", "Apache-2.0"),
    RealFile("daily_female_births"),
    RealFile("daily_min_temperatures"),
    RealFile("bike_sharing_day", "", {"target": "cnt"}),
    RealFile("peyton_manning_views", "MIT"),
    RealFile("wiki_r_views_outliers", "MIT"),
    RealFile("pedestrians_covid_daily", "MIT"),
    RealFile("bitcoin_transactions_daily", "BSD-2-Clause"),
    RealFile("saugeen_river_flow", "MIT"),
    RealFile("beijing_pm25", "", {"target": "pm2.5"}),
    RealFile("bike_sharing_hour", "", {"target": "cnt"}),
    RealFile("melbourne_pedestrians", "GPL-3", {"id": "Sensor"}),
    RealFile("metro_traffic_volume_2016_2018", "BSD-2-Clause", {"target": "traffic_volume", "duplicates": "last"}),
    RealFile("ercot_dam_price_unsorted", "MIT"),
    RealFile("sf_hospital_load_no_dates", "MIT"),
    RealFile("vic_elec", "GPL-3", {"target": "Demand", "timezone": "Australia/Melbourne"}),
    RealFile(
        "birmingham_parking",
        "BSD-2-Clause",
        {"id": "SystemCodeNumber", "target": "Occupancy", "every": "30min", "aggregate": "mean"},
    ),
    RealFile("yosemite_temps_5min", "MIT"),
    RealFile("nab_nyc_taxi", "MIT"),
    RealFile("nab_ambient_temperature", "MIT"),
    RealFile("nab_ad_exchange_cpc", "MIT", {"duplicates": "mean"}),
    RealFile("nab_machine_temperature", "MIT", {"duplicates": "mean"}),
    RealFile("nab_ec2_request_latency", "MIT", {"every": "5min", "aggregate": "mean"}),
    RealFile("nab_cpu_asg_misconfiguration", "MIT"),
    RealFile("nab_rds_cpu", "MIT"),
    RealFile("nab_elb_request_count", "MIT"),
    RealFile("nab_twitter_volume_aapl", "MIT"),
    RealFile("nab_travel_time_387", "MIT", {"every": "10min", "aggregate": "mean"}),
    RealFile("nab_speed_7578", "MIT", {"every": "5min", "aggregate": "mean"}),
    RealFile("nab_occupancy_6005", "MIT", {"every": "5min", "aggregate": "mean"}),
)
