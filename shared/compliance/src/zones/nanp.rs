//! The area codes of the North American Numbering Plan (+1).

use chrono_tz::{America, Atlantic, Pacific, Tz};

/// The continental zones, Alaska and Hawaii. They stand for numbers without a place (toll-free, 5xx)
/// and for area codes younger than this table.
const ALL: &[Tz] = &[
    America::St_Johns,
    America::Halifax,
    America::New_York,
    America::Chicago,
    America::Regina,
    America::Denver,
    America::Phoenix,
    America::Los_Angeles,
    America::Anchorage,
    Pacific::Honolulu,
];

/// Prefixes and zones. Of the zones whose clocks agree, the one in the United States stands for all.
pub(super) const AREAS: &[(&str, &[Tz])] = &[
    ("1", ALL),
    // Eastern
    (
        "1201 1202 1203 1207 1212 1215 1216 1220 1223 1227 1229 1231 1234 1239 1240 1248 1252 1260 1267 1269 1272 \
         1276 1283 1301 1302 1304 1305 1313 1315 1317 1321 1324 1326 1329 1330 1332 1336 1339 1347 1351 1352 1363 \
         1380 1386 1401 1404 1407 1410 1412 1413 1419 1434 1436 1440 1443 1445 1463 1470 1472 1475 1478 1484 1502 \
         1508 1513 1516 1517 1518 1540 1551 1561 1567 1570 1571 1582 1585 1586 1603 1607 1609 1610 1614 1616 1617 \
         1624 1631 1640 1645 1646 1656 1667 1678 1679 1680 1681 1686 1689 1703 1704 1706 1716 1717 1718 1724 1727 \
         1728 1732 1734 1740 1743 1754 1757 1762 1765 1770 1771 1772 1774 1781 1786 1802 1803 1804 1810 1813 1814 \
         1821 1826 1828 1835 1838 1839 1843 1845 1848 1854 1856 1857 1859 1860 1862 1863 1864 1865 1878 1904 \
         1908 1910 1912 1914 1917 1919 1929 1934 1937 1941 1943 1947 1948 1954 1959 1973 1978 1980 1984 1989",
        &[America::New_York],
    ),
    // Ontario and Quebec
    (
        "1226 1249 1263 1289 1343 1354 1365 1382 1387 1416 1437 1438 1450 1460 1468 1514 1519 1548 1579 1613 1647 \
         1683 1705 1742 1753 1819 1873 1905 1942",
        &[America::Toronto],
    ),
    // The Magdalen Islands and the lower North Shore keep Atlantic time.
    ("1367 1418 1581", &[America::Toronto, America::Halifax]),
    // The west of Ontario
    ("1807", &[America::Toronto, America::Winnipeg]),
    // Areas on the line between Eastern and Central: Indiana, Michigan, Kentucky, Tennessee, Florida
    (
        "1219 1270 1364 1423 1448 1574 1606 1729 1812 1850 1906 1930 1931",
        &[America::New_York, America::Chicago],
    ),
    // Central
    (
        "1205 1210 1214 1217 1218 1224 1225 1228 1235 1251 1254 1256 1262 1274 1281 1309 1312 1314 1316 1318 1319 \
         1320 1325 1327 1331 1334 1337 1346 1353 1361 1402 1405 1409 1414 1417 1430 1432 1447 1457 1464 1469 1471 \
         1479 1483 1501 1504 1507 1512 1515 1531 1534 1539 1557 1563 1572 1573 1580 1601 1608 1612 1615 1618 1629 \
         1630 1636 1641 1651 1659 1660 1662 1682 1708 1712 1713 1715 1726 1730 1731 1737 1763 1769 1773 1779 1806 \
         1815 1816 1817 1830 1832 1847 1861 1870 1872 1901 1903 1913 1918 1920 1936 1938 1940 1945 1952 1956 1972 \
         1975 1979 1985",
        &[America::Chicago],
    ),
    // Manitoba
    ("1204 1431 1584", &[America::Winnipeg]),
    // Saskatchewan keeps Central standard time all year, Lloydminster that of Alberta.
    ("1306 1474 1639", &[America::Regina, America::Edmonton]),
    // Areas on the line between Central and Mountain: Dakotas, Nebraska, Kansas
    ("1308 1605 1620 1701 1785", &[America::Chicago, America::Denver]),
    // Mountain
    (
        "1303 1307 1385 1406 1435 1505 1575 1719 1720 1748 1801 1915 1970 1983",
        &[America::Denver],
    ),
    ("1368 1403 1568 1587 1780 1825", &[America::Edmonton]),
    // Arizona; in its north the Navajo Nation changes clocks.
    ("1480 1520 1602 1623", &[America::Phoenix]),
    ("1928", &[America::Phoenix, America::Denver]),
    // Areas on the line between Mountain and Pacific: Idaho, Oregon, Nevada
    (
        "1208 1458 1541 1775 1986",
        &[America::Denver, America::Los_Angeles],
    ),
    // Pacific
    (
        "1206 1209 1213 1253 1279 1310 1323 1341 1350 1357 1360 1369 1408 1415 1424 1425 1442 1503 1509 1510 1530 \
         1559 1562 1564 1619 1626 1628 1650 1657 1661 1669 1702 1707 1714 1725 1738 1747 1760 1805 1818 1820 1831 \
         1837 1840 1858 1909 1916 1925 1949 1951 1971",
        &[America::Los_Angeles],
    ),
    // British Columbia: Vancouver, and the rest, whose east keeps Mountain time
    ("1604", &[America::Vancouver]),
    (
        "1236 1250 1257 1672 1778",
        &[America::Vancouver, America::Edmonton, America::Fort_Nelson],
    ),
    // The three territories
    (
        "1867",
        &[
            America::Whitehorse,
            America::Edmonton,
            America::Winnipeg,
            America::Toronto,
        ],
    ),
    ("1907", &[America::Anchorage]),
    ("1808", &[Pacific::Honolulu]),
    // Atlantic provinces; Labrador keeps Atlantic time.
    ("1428 1506 1782 1902", &[America::Halifax]),
    ("1709 1879", &[America::St_Johns, America::Halifax]),
    // Caribbean and Atlantic
    ("1242", &[America::Nassau]),
    // Atlantic standard time all year
    (
        "1246 1264 1268 1284 1340 1473 1664 1721 1758 1767 1784 1787 1809 1829 1849 1868 1869 1939",
        &[America::Puerto_Rico],
    ),
    ("1345 1658 1876", &[America::Jamaica]),
    ("1441", &[Atlantic::Bermuda]),
    ("1649", &[America::Grand_Turk]),
    // Pacific
    ("1670 1671", &[Pacific::Guam]),
    ("1684", &[Pacific::Pago_Pago]),
];
